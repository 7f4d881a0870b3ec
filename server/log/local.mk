# server/log
