# server/util
