# server/hook
