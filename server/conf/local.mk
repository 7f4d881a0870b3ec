# server/conf
libserver_la_SOURCES += %D%/conf.h %D%/options.def %D%/options_documented.def \
  %D%/build.c %D%/chain.c %D%/eval.c %D%/generation.c %D%/include.c %D%/include.h %D%/lexer.c %D%/lexer.h \
  %D%/load.c %D%/match.c %D%/names.c %D%/options.c %D%/options.h %D%/parse.c %D%/parse.h \
  %D%/problem.c %D%/problem.h %D%/raw.c %D%/scopes.c %D%/scopes.h %D%/tree.c %D%/tree.h \
  %D%/value.c %D%/value.h %D%/view.c %D%/view.h \
  %D%/ask/ask.h %D%/ask/path.c %D%/ask/path.h

libserver_la_SOURCES += %D%/live/clone.c %D%/live/clone.h %D%/live/diff.c %D%/live/diff.h \
  %D%/live/draft.c %D%/live/draft.h %D%/live/report.c %D%/live/report.h %D%/live/transaction.c %D%/live/transaction.h \
  %D%/live/words.c %D%/live/words.h
