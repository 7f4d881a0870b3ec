# server/conf
libserver_la_SOURCES += %D%/conf.h %D%/options.def %D%/options_documented.def \
  %D%/autoload.c %D%/build.c %D%/chain.c %D%/documented.c %D%/documented_modules.def %D%/eval.c %D%/generation.c %D%/include.c %D%/include.h %D%/kind.c %D%/kind.h %D%/lexer.c %D%/lexer.h \
  %D%/load.c %D%/match.c %D%/names.c %D%/options.c %D%/options.h %D%/parse.c %D%/parse.h \
  %D%/problem.c %D%/problem.h %D%/raw.c %D%/scopes.c %D%/scopes.h %D%/tree.c %D%/tree.h \
  %D%/value.c %D%/value.h %D%/view.c %D%/view.h \
  %D%/ask/ask.h %D%/ask/path.c %D%/ask/path.h
