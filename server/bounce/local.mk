# server/bounce
