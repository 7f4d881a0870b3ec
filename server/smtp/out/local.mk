# server/smtp/out: delivery over SMTP and LMTP
libserver_la_SOURCES += %D%/body.c %D%/classify.c %D%/classify.h %D%/connect.c %D%/greet.c %D%/hosts.c %D%/hosts.h \
  %D%/policy.c \
  %D%/session.c %D%/session.h %D%/show.c %D%/show.h %D%/smtp_out.h %D%/source.c %D%/stuff.c %D%/stuff.h \
  %D%/transaction.c %D%/transport.c
