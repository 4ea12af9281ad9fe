-- `:checkhealth afterimage`.

local client = require("afterimage.client")
local config = require("afterimage.config")
local places = require("afterimage.places")

local M = {}

-- The names of 0.10 and of what came before.
local health = vim.health or require("health")
local start = health.start or health.report_start
local ok = health.ok or health.report_ok
local warn = health.warn or health.report_warn
local bad = health.error or health.report_error

function M.check()
  start("afterimage")
  if vim.fn.has("nvim-0.7") == 1 then
    ok("Neovim is new enough")
  else
    bad("Neovim 0.7 or newer is needed")
  end

  local command = config.get().command
  if vim.fn.executable(command) == 1 then
    ok("`" .. command .. "` is " .. vim.trim(vim.fn.system({ command, "--version" })))
  else
    bad("`" .. command .. "` is not there; :AftUndo and :AftRestore need it", { "set `command` in the setup" })
  end

  local socket = places.editor_socket()
  local err, hello = client.request_and_wait("hello", { client = "afterimage.nvim" }, 2000)
  if err then
    bad("no answer at " .. socket .. ": " .. err.message, { "aft daemon start" })
    return
  end
  ok(string.format("daemon %s answers at %s as %s", hello.version, socket, hello.role))

  local list_err, list = client.request_and_wait("workspace.list", {}, 2000)
  if list_err then
    bad("it does not list its workspaces: " .. list_err.message)
  elseif #list.workspaces == 0 then
    warn("no directory is watched", { "aft watch DIR --detach" })
  end
  for _, workspace in ipairs(list and list.workspaces or {}) do
    local root = require("afterimage.base64").from_wire(workspace.root)
    local say = workspace.state == "armed" and ok or warn
    say(string.format("%s is %s, at #%d", root, workspace.state, workspace.head))
  end
  if not config.get().follow then
    warn("`follow` is off: no status line, no reload")
  end
end

return M
