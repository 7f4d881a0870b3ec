# server/conf
libserver_la_SOURCES += %D%/conf.h %D%/options.def %D%/options_documented.def \
  %D%/build.c %D%/chain.c %D%/eval.c %D%/generation.c %D%/include.c %D%/include.h %D%/lexer.c %D%/lexer.h \
  %D%/ask/show.c %D%/ask/show.h %D%/ask/show_json.c %D%/ask/show_private.h %D%/ask/show_text.c %D%/ask/show_xml.c \
  %D%/last.c \
  %D%/live/block.c %D%/live/edit.c %D%/live/edit.h %D%/live/edit_private.h %D%/live/value_edit.c \
  %D%/live/plan.c %D%/live/plan.h %D%/live/store.c %D%/live/store.h %D%/live/writeback.c %D%/live/writeback.h \
  %D%/load.c %D%/match.c %D%/names.c %D%/options.c %D%/options.h %D%/parse.c %D%/parse.h \
  %D%/problem.c %D%/problem.h %D%/raw.c %D%/scopes.c %D%/scopes.h %D%/tree.c %D%/tree.h \
  %D%/value.c %D%/value.h %D%/view.c %D%/view.h \
  %D%/ask/ask.h %D%/ask/path.c %D%/ask/path.h

libserver_la_SOURCES += %D%/live/clone.c %D%/live/clone.h %D%/live/diff.c %D%/live/diff.h \
  %D%/live/draft.c %D%/live/draft.h %D%/live/words.c %D%/live/words.h
