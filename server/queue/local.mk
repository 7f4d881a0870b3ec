# server/queue: domains, active and delayed, retry, expiry, the account
libserver_la_SOURCES += \
  %D%/queue.h %D%/inside.h \
  %D%/account.c %D%/account.h \
  %D%/accept.c \
  %D%/attempt.c %D%/attempt.h \
  %D%/bind.c \
  %D%/bindings.c \
  %D%/bunch.c %D%/bunch.h \
  %D%/commands.c \
  %D%/doom.c %D%/inject.c \
  %D%/hold.c %D%/limits.c %D%/limits.h %D%/places.c \
  %D%/entry.c \
  %D%/leave.c \
  %D%/name.c \
  %D%/renew.c \
  %D%/notice.c \
  %D%/recover.c \
  %D%/retry.c %D%/retry.h \
  %D%/route.c \
  %D%/run.c \
  %D%/session.c \
  %D%/set.c \
  %D%/show.c %D%/show.h \
  %D%/stop.c \
  %D%/swap.c \
  %D%/why.c
