# include: what modules may see; installed as <ec/x.h>
ecincludedir = $(includedir)/ec
ecinclude_HEADERS = \
  %D%/ec/bounce.h \
  %D%/ec/cluster.h \
  %D%/ec/command.h \
  %D%/ec/conn.h \
  %D%/ec/context.h \
  %D%/ec/counter.h \
  %D%/ec/daemon.h \
  %D%/ec/dns.h \
  %D%/ec/event.h \
  %D%/ec/gate.h \
  %D%/ec/header.h \
  %D%/ec/hook.h \
  %D%/ec/id.h \
  %D%/ec/inject.h \
  %D%/ec/job.h \
  %D%/ec/log.h \
  %D%/ec/logfile.h \
  %D%/ec/logline.h \
  %D%/ec/loop.h \
  %D%/ec/message.h \
  %D%/ec/mime.h \
  %D%/ec/module.h \
  %D%/ec/option.h \
  %D%/ec/out.h \
  %D%/ec/service.h \
  %D%/ec/slot.h \
  %D%/ec/stanza.h \
  %D%/ec/status.h \
  %D%/ec/throttle.h \
  %D%/ec/window.h
