// Where a datagram came from or goes to: the two ends of one way through the network.

/** Addresses are numeric, IPv6 without brackets. A Flow is never changed, so it may be shared. */
export interface Flow {
  readonly transport: 'udp';
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
}

/** One of our own sockets. */
export interface LocalSocket {
  readonly address: string;
  readonly port: number;
}
