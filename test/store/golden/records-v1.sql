CREATE TABLE calls (
        id INTEGER PRIMARY KEY,
        call_id TEXT NOT NULL,
        machine TEXT NOT NULL,
        from_aor TEXT NOT NULL,
        to_aor TEXT NOT NULL,
        callee_aor TEXT,
        started_at INTEGER NOT NULL,
        ringing_at INTEGER,
        answered_at INTEGER,
        ended_at INTEGER NOT NULL,
        outcome TEXT NOT NULL,
        status INTEGER,
        ended_by TEXT,
        video INTEGER NOT NULL,
        state TEXT NOT NULL,
        origin_call_id TEXT,
        origin_why TEXT,
        transitions INTEGER NOT NULL,
        steps TEXT NOT NULL,
        skipped_steps INTEGER NOT NULL
      );
CREATE UNIQUE INDEX calls_by_call_id ON calls (call_id, started_at, ended_at);
CREATE INDEX calls_by_start ON calls (started_at);
INSERT INTO calls (id,call_id,machine,from_aor,to_aor,callee_aor,started_at,ringing_at,answered_at,ended_at,outcome,status,ended_by,video,state,origin_call_id,origin_why,transitions,steps,skipped_steps) VALUES (1,'plain','dialog','sip:alice@example.org','sip:bob@example.org',NULL,1777888920000,1777888920150,1777888923150,1777888983150,'answered',NULL,'caller',0,'terminated',NULL,NULL,5,'[[0,"trying","INVITE","caller"],[150,"ringing","180"],[3150,"confirmed.media.audio|transfer.idle","200"],[63150,"terminating","BYE","caller"],[63190,"terminated","200"]]',0);
INSERT INTO calls (id,call_id,machine,from_aor,to_aor,callee_aor,started_at,ringing_at,answered_at,ended_at,outcome,status,ended_by,video,state,origin_call_id,origin_why,transitions,steps,skipped_steps) VALUES (2,'busy "1"','dialog','sip:alice@example.org','sip:Žofia@example.org','sip:carol@example.org',1777888860000,1777888860150,1777888863150,1777888923150,'busy',486,'callee',1,'declined','before','transfer',5,'[[0,"trying","INVITE","caller"],[150,"ringing","180"],[3150,"confirmed.media.audio|transfer.idle","200"],[63150,"terminating","BYE","caller"],[63190,"terminated","200"]]',2);
PRAGMA user_version = 1;
