// Owns the Kamailio that we measure against: what it is told to do, which is what Callchart does by default.

/** `kamailio`: at its best; `kamailio-stock`: as Debian's package starts it. */
export function isKamailio(spec: string): boolean {
  return spec === 'kamailio' || spec === 'kamailio-stock';
}

/**
 * Debian's package takes Kamailio's debugging allocator (qm) unless told otherwise: it walks long free lists and doubles
 * the CPU per call at 800 calls/s. What we measure ourselves against is the fast one (fm).
 */
export function kamailioArguments(spec: string): string[] {
  return ['-DD', '-E', '-m', '1024', '-M', '32', ...(spec === 'kamailio' ? ['-x', 'fm', '-X', 'fm'] : [])];
}

/**
 * Registrar with its bindings in memory, loose routing with Record-Route, tm, a dialog kept for every call, and three
 * accounting lines a call (INVITE, ACK, BYE) written to stderr, which is a file: no syslog daemon's time is hidden.
 * One UDP worker, because a Callchart server is one process too; its timer processes count as its own.
 */
export function kamailioConfig(port: number): string {
  const modules = 'tm tmx sl rr pv maxfwd textops siputils usrloc registrar acc dialog'.split(' ');
  return `#!KAMAILIO
debug=1
log_stderror=yes
fork=yes
children=1
disable_tcp=yes
auto_aliases=no
dns=no
rev_dns=no
listen=udp:127.0.0.1:${port}
${modules.map((module) => `loadmodule "${module}.so"`).join('\n')}
modparam("rr", "enable_full_lr", 0)
modparam("usrloc", "db_mode", 0)
modparam("registrar", "max_expires", 3600)
modparam("dialog", "db_mode", 0)
modparam("acc", "early_media", 0)
modparam("acc", "report_ack", 1)
modparam("acc", "report_cancels", 0)
modparam("acc", "detect_direction", 0)
modparam("acc", "log_flag", 1)
modparam("acc", "log_level", -1)

request_route {
  if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }
  if (is_method("INVITE|ACK|BYE|CANCEL|UPDATE")) dlg_manage();
  if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
  if (has_totag()) {
    if (!loose_route()) {
      if (is_method("ACK")) { if (t_check_trans()) t_relay(); exit; }
      sl_send_reply("404", "Not here"); exit;
    }
    if (is_method("ACK|BYE")) setflag(1);
    t_relay(); exit;
  }
  if (t_precheck_trans()) { t_check_trans(); exit; }
  t_check_trans();
  if (is_method("INVITE|SUBSCRIBE")) record_route();
  if (is_method("REGISTER")) { save("location"); exit; }
  if (is_method("OPTIONS")) { sl_send_reply("200", "OK"); exit; }
  if (is_method("INVITE")) setflag(1);
  if (!lookup("location")) { t_newtran(); t_reply("404", "Not Found"); exit; }
  if (!t_relay()) sl_reply_error();
}
`;
}
