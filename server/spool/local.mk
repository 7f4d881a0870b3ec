# server/spool
