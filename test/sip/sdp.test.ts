import { describe, expect, test } from 'vitest';
import { mediaOf } from '../../src/sip/sdp.ts';
import { invite, request } from './wire.ts';

function media(body: string, type: string | undefined = 'application/sdp', more?: string) {
  return mediaOf(request(invite({ 'Content-Type': type && `Content-Type: ${type}`, More: more }, body)));
}

const session = ['v=0', 'o=- 1 1 IN IP4 192.0.2.3', 's=-', 'c=IN IP4 192.0.2.3', 't=0 0'];
const sdp = (...lines: string[]): string => [...session, ...lines, ''].join('\r\n');

describe('media of an SDP body', () => {
  test('audio and video both ways', () => {
    expect(media(sdp('m=audio 4000 RTP/AVP 0', 'm=video 4002 RTP/AVP 96'))).toEqual({
      audio: 'sendrecv',
      video: 'sendrecv',
    });
  });
  test('no line or port 0 is off, whatever the order', () => {
    expect(media(sdp('m=video 0 RTP/AVP 96', 'a=sendonly', 'm=audio 4000 RTP/AVP 0'))).toEqual({
      audio: 'sendrecv',
      video: 'off',
    });
    expect(media(sdp('m=audio 4000 RTP/AVP 0'))).toEqual({ audio: 'sendrecv', video: 'off' });
    expect(media(sdp())).toEqual({ audio: 'off', video: 'off' });
    expect(media(sdp('m=audio 0/2 RTP/AVP 0'))?.audio).toBe('off');
  });
  test('a live stream behind a refused one of its kind counts', () => {
    expect(media(sdp('m=video 0 RTP/AVP 96', 'm=video 4002 RTP/AVP 97', 'a=recvonly'))?.video).toBe(
      'recvonly',
    );
  });
  test.each(['sendonly', 'recvonly', 'inactive', 'sendrecv'] as const)(
    'hold by a=%s, at media or session level',
    (direction) => {
      expect(media(sdp('m=audio 4000 RTP/AVP 0', `a=${direction}`))?.audio).toBe(direction);
      expect(
        media(sdp(`a=${direction}`, 'm=audio 4000 RTP/AVP 0', 'm=video 4002 RTP/AVP 96', 'a=sendrecv')),
      ).toEqual({
        audio: direction,
        video: 'sendrecv',
      });
    },
  );
  test('hold as RFC 2543 had it: an address that leads nowhere', () => {
    expect(media(sdp('m=audio 4000 RTP/AVP 0', 'c=IN IP4 0.0.0.0'))?.audio).toBe('inactive');
    expect(
      media(sdp('m=audio 4000 RTP/AVP 0').replace('c=IN IP4 192.0.2.3', 'c=IN IP4 0.0.0.0'))?.audio,
    ).toBe('inactive');
    expect(media(sdp('m=audio 4000 RTP/AVP 0', 'c=IN IP4 0.0.0.0', 'a=sendonly'))?.audio).toBe('sendonly');
    expect(media(sdp('c=IN IP4 0.0.0.0', 'm=audio 4000 RTP/AVP 0', 'c=IN IP4 192.0.2.3'))?.audio).toBe(
      'sendrecv',
    );
    expect(media(sdp('m=audio 4000 RTP/AVP 0', 'c=IN IP4 10.0.0.0'))?.audio).toBe('sendrecv');
  });
  test('lone LF and odd case are read', () => {
    expect(media(sdp('m=Audio 4000 RTP/AVP 0', 'a=SendOnly ').replaceAll('\r\n', '\n'))?.audio).toBe(
      'sendonly',
    );
  });
  test('attributes that only begin alike are others', () => {
    expect(media(sdp('m=audio 4000 RTP/AVP 0', 'a=sendonly-x', 'a=inactive:1'))?.audio).toBe('sendrecv');
  });
});

describe('where SDP is', () => {
  test('by Content-Type, with parameters and in any case', () => {
    expect(media(sdp(), 'Application / SDP ; charset=utf-8')).toBeDefined();
    expect(media(sdp(), 'text/plain')).toBeUndefined();
    expect(media(sdp(), undefined, 'c: application/sdp')).toBeDefined();
    expect(media('', 'application/sdp')).toBeUndefined();
    expect(media(sdp(), 'application/sdp', 'Content-Encoding: gzip')).toBeUndefined();
  });
  test('without a type, when it looks like it', () => {
    const bare = request(invite({}, sdp('m=audio 4000 RTP/AVP 0')));
    expect(mediaOf(bare)?.audio).toBe('sendrecv');
    expect(mediaOf(request(invite({}, 'hello')))).toBeUndefined();
  });
  test('inside multipart, whatever stands around it', () => {
    const part = sdp('m=audio 4000 RTP/AVP 0', 'a=sendonly');
    const body = [
      'preamble --b1 not one',
      '--b1x',
      '--b1-2',
      '--b1',
      '',
      'Content-Type: application/sdp is only text here',
      '',
      '--b1  ',
      'Content-Type: application/pidf+xml',
      '',
      '<x>--b1</x>',
      '--b1',
      'Content-ID: <a>',
      'c: application/sdp;',
      ' charset=utf-8',
      '',
      `${part}--b1--`,
      'epilogue',
    ].join('\r\n');
    expect(media(body, 'multipart/mixed;boundary=b1')).toEqual({ audio: 'sendonly', video: 'off' });
    expect(media(body, 'multipart/mixed; boundary="b1"')).toEqual({ audio: 'sendonly', video: 'off' });
    expect(media(body, 'multipart/mixed; boundary=other')).toBeUndefined();
    expect(media(body, 'multipart/mixed')).toBeUndefined();
    const outer = `--o\r\nContent-Type: multipart/alternative;boundary=b1\r\n\r\n${body}\r\n--o--\r\n`;
    expect(media(outer, 'multipart/mixed;boundary=o')?.audio).toBe('sendonly');
  });
  test('a last part without its closing delimiter still counts', () => {
    expect(
      media(
        `--b\nContent-Type: application/sdp\n\n${sdp('m=audio 1 RTP/AVP 0')}`,
        'multipart/mixed;boundary=b',
      )?.audio,
    ).toBe('sendrecv');
  });
});
