# A room includes only headers of rooms listed before it (ARCHITECTURE.md, "Rooms").
include server/util/local.mk
include server/log/local.mk
include server/stats/local.mk
include server/event/local.mk
include server/series/local.mk
include server/conf/local.mk
include server/hook/local.mk
include server/io/local.mk
include server/net/local.mk
include server/dns/local.mk
include server/message/local.mk
include server/spool/local.mk
include server/bounce/local.mk
include server/shape/local.mk
include server/queue/local.mk
include server/smtp/local.mk
include server/control/local.mk
include server/module/local.mk

include server/main/local.mk

# What the daemons and the modules share: the same objects, with only ec_* to be seen from outside.
lib_LTLIBRARIES += libecelerity.la
libecelerity_la_SOURCES =
libecelerity_la_LIBADD = libserver.la
libecelerity_la_LDFLAGS = -version-info 0:0:0 -no-undefined -export-symbols-regex '^ec_' \
  -Wl,-Bsymbolic-functions $(AM_LDFLAGS)
