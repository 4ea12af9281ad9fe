-- What the user set up, over the defaults.

local M = {}

local defaults = {
  -- The command line, which undo and restore run.
  command = "aft",
  -- The socket to read from; found by the environment where nil.
  socket = nil,
  -- Follow the history of the workspaces of open buffers: for the status line, and for `reload`.
  follow = true,
  -- Look at a file again as soon as something changed it, where its buffer has no unsaved text and 'autoread' is set.
  reload = true,
  -- Milliseconds that one request for news waits at the daemon.
  wait_ms = 30000,
  -- Milliseconds until a request without an answer is given up.
  timeout_ms = 10000,
  -- Versions in one page of the history.
  page = 100,
  -- Lines of the history window.
  height = 12,
}
local current = defaults

function M.set(options)
  current = vim.tbl_extend("force", defaults, options or {})
end

function M.get()
  return current
end

return M
