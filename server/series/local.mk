# series: audit series and gauge caches
libserver_la_SOURCES += %D%/keys.c %D%/keys.h %D%/counts.c %D%/counts.h %D%/series.c %D%/gauge.c %D%/commands.c %D%/show.h
