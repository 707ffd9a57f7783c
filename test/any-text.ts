// Any text at all: controls, lone surrogates, everything. (fast-check's own strings take seconds to get ready.)
import fc from 'fast-check';

export const anyText = fc
  .array(
    fc.oneof(
      fc.nat(0x7f),
      fc.nat(0xff),
      fc.nat(0xffff),
      fc.constantFrom(0x0a, 0x0d, 0x2028, 0x85, 0x22, 0x5c),
    ),
  )
  .map((codes) => String.fromCharCode(...codes));
