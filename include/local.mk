# include: what modules may see; installed as <ec/x.h>
nobase_include_HEADERS += \
  %D%/ec/counter.h \
  %D%/ec/id.h \
  %D%/ec/job.h \
  %D%/ec/log.h \
  %D%/ec/loop.h \
  %D%/ec/option.h \
  %D%/ec/status.h
