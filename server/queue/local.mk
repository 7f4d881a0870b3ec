# server/queue
