// The page that hands a call's messages to the Stately inspector: a frame, a socket, and a word when there is no internet.

/** Where Stately serves its inspector. It has to come from the internet; what it shows goes to the browser only. */
export const INSPECTOR = 'https://stately.ai/inspect';

/** `nonce`: what the page's own script and style bear, so that no others run. */
export function bridgePage(inspector: string, nonce: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Callchart: live calls</title>
<style nonce="${nonce}">
html, body { height: 100%; margin: 0; font: 14px system-ui, sans-serif; }
body { display: flex; flex-direction: column; }
iframe { flex: 1; border: 0; }
p { margin: 0; padding: 6px 12px; background: #fff3d6; color: #5c3d00; }
p:empty { display: none; }
</style>
<p role="status"></p>
<iframe src="${inspector}" title="Stately inspector"></iframe>
<script nonce="${nonce}">
const frame = document.querySelector('iframe');
const status = document.querySelector('p');
const { host: home, protocol } = new URL(frame.src);
let origin;
let waiting = [];
const noInternet = setTimeout(() => {
  status.textContent = 'The inspector page (' + frame.src + ') does not answer. It comes from the internet: is there any? '
    + 'Without it, "callchart inspect --json" prints what would be shown here.';
}, 15000);
addEventListener('message', ({ origin: from, source, data }) => {
  if (source !== frame.contentWindow || data?.type !== '@statelyai.connected') return;
  const there = new URL(from);
  if (there.protocol !== protocol || (there.host !== home && !there.host.endsWith('.' + home))) return;
  origin = from;
  clearTimeout(noInternet);
  status.textContent = '';
  for (const message of waiting ?? []) frame.contentWindow.postMessage(message, origin);
  waiting = undefined;
});
const socket = new WebSocket(location.href.replace(/^http/, 'ws'));
socket.onmessage = ({ data }) => {
  const message = JSON.parse(data);
  if (waiting) waiting.push(message);
  else frame.contentWindow.postMessage(message, origin);
};
socket.onclose = () => {
  status.textContent = 'The watching has ended: nothing new will come.';
};
</script>
`;
}
