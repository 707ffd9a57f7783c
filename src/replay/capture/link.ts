// What lies under IP in a captured packet: where the IP header begins, and at which point of the machine it was seen.

const NULL = 0;
const ETHERNET = 1;
const LOOP = 108;
const LINUX_COOKED = 113;
const LINUX_COOKED_2 = 276;
/** Raw IP as its number stands in files, as old systems wrote it, and as IPv4 or IPv6 alone. */
const RAW: ReadonlySet<number> = new Set([12, 14, 101, 228, 229]);

/** Address family numbers of BSD, Darwin, Linux and Windows, as the NULL and LOOP headers carry them. */
const FAMILIES: ReadonlySet<number> = new Set([2, 10, 23, 24, 28, 30]);

const IPV4 = 0x0800;
const IPV6 = 0x86dd;
const PPPOE = 0x8864;
const VLAN: ReadonlySet<number> = new Set([0x8100, 0x88a8, 0x9100, 0x9200]);
const DEEPEST_VLAN = 8;
const LONGEST_802_3 = 1500;

export function isKnownLink(linkType: number): boolean {
  switch (linkType) {
    case NULL:
    case ETHERNET:
    case LOOP:
    case LINUX_COOKED:
    case LINUX_COOKED_2:
      return true;
    default:
      return RAW.has(linkType);
  }
}

/** Offset of the IP header in the packet; -1: it carries no IP. */
export function ipOffset(linkType: number, packet: Buffer): number {
  switch (linkType) {
    case ETHERNET:
      return packet.length < 14 ? -1 : afterEtherType(packet, 12);
    case NULL: {
      if (packet.length < 4) return -1;
      // in the byte order of the machine that captured; a family number never needs the upper half
      const little = packet.readUInt32LE(0);
      return FAMILIES.has(little > 0xffff ? packet.readUInt32BE(0) : little) ? 4 : -1;
    }
    case LOOP:
      // network byte order by definition; some systems wrote their own
      return packet.length < 4 ||
        !(FAMILIES.has(packet.readUInt32BE(0)) || FAMILIES.has(packet.readUInt32LE(0)))
        ? -1
        : 4;
    case LINUX_COOKED:
      return packet.length < 16 ? -1 : afterEtherType(packet, 14);
    case LINUX_COOKED_2: {
      if (packet.length < 20) return -1;
      const etherType = packet.readUInt16BE(0);
      if (etherType === IPV4 || etherType === IPV6) return 20;
      return VLAN.has(etherType) && packet.length >= 24 ? afterEtherType(packet, 22) : -1;
    }
    default:
      return RAW.has(linkType) ? 0 : -1;
  }
}

/**
 * Tells apart where a capture on "any" interface saw a packet: one datagram crosses several of them.
 * Within one such point no packet is seen twice.
 */
export function viewpoint(linkType: number, packet: Buffer): number {
  // direction alone: the first version does not name the interface
  if (linkType === LINUX_COOKED && packet.length >= 16) return packet.readUInt16BE(0) === 4 ? 1 : 0;
  if (linkType === LINUX_COOKED_2 && packet.length >= 20) {
    return packet.readUInt32BE(4) * 2 + (packet[10] === 4 ? 1 : 0);
  }
  return 0;
}

/** `at`: where an EtherType, or the length of an 802.3 frame, stands. */
function afterEtherType(packet: Buffer, at: number): number {
  let place = at;
  for (let depth = 0; depth <= DEEPEST_VLAN; depth += 1) {
    if (place + 2 > packet.length) return -1;
    const etherType = packet.readUInt16BE(place);
    if (etherType === IPV4 || etherType === IPV6) return place + 2;
    if (etherType === PPPOE) return afterPppoe(packet, place + 2);
    if (VLAN.has(etherType)) {
      place += 4;
    } else if (etherType <= LONGEST_802_3 && isSnap(packet, place + 2)) {
      place += 8;
    } else {
      return -1;
    }
  }
  return -1;
}

/** LLC with a SNAP header of no organisation: an EtherType follows. */
function isSnap(packet: Buffer, at: number): boolean {
  return packet.length >= at + 8 && packet.readUIntBE(at, 6) === 0xaaaa03000000;
}

function afterPppoe(packet: Buffer, at: number): number {
  if (packet.length < at + 8) return -1;
  const protocol = packet.readUInt16BE(at + 6);
  return protocol === 0x0021 || protocol === 0x0057 ? at + 8 : -1;
}
