# server/stats
