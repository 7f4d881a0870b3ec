# server/dns: resolver, and where a domain's mail goes
libserver_la_SOURCES += %D%/ask.c %D%/dns.c %D%/dns.h %D%/event_base.c %D%/event_base.h %D%/name.c %D%/name.h \
  %D%/order.c %D%/order.h %D%/packet.c %D%/packet.h %D%/resolv_conf.c %D%/resolv_conf.h \
  %D%/resolver.c %D%/resolver.h %D%/route.c %D%/route.h %D%/target.c %D%/target.h
