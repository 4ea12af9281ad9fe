-- Afterimage in Neovim: what a configuration calls. `:help afterimage` says how.
-- Does not: do anything by itself before `plugin/afterimage.lua` or `setup`.

local M = {}

-- Options over the defaults; may be called again. The commands work without it.
function M.setup(options)
  require("afterimage.config").set(options)
  require("afterimage.follow").stop()
  require("afterimage.client").close()
  if vim.v.vim_did_enter == 1 then
    M.attach_all()
  end
end

function M.attach_all()
  for _, buffer in ipairs(vim.api.nvim_list_bufs()) do
    if vim.api.nvim_buf_is_loaded(buffer) then
      require("afterimage.follow").attach(buffer)
    end
  end
end

function M.history(buffer, done)
  require("afterimage.history").open(buffer or vim.api.nvim_get_current_buf(), done)
end

function M.diff(buffer, point, done)
  require("afterimage.diff").open(buffer or vim.api.nvim_get_current_buf(), point, { done = done })
end

function M.blame(buffer, done)
  require("afterimage.blame").toggle(buffer or vim.api.nvim_get_current_buf(), done)
end

function M.undo(buffer, operation, sure, done)
  require("afterimage.travel").undo(buffer or vim.api.nvim_get_current_buf(), operation, sure, done)
end

function M.restore(buffer, point, sure, done)
  require("afterimage.travel").restore(buffer or vim.api.nvim_get_current_buf(), point, sure, done)
end

-- For the status line: `#142` where the buffer's workspace is followed, `aft off` where its daemon is gone, else nothing.
-- Never asks the daemon.
function M.statusline(buffer)
  local known = require("afterimage.follow").known(buffer or vim.api.nvim_get_current_buf())
  if not known or known.state == "starting" then
    return ""
  end
  if known.state ~= "on" then
    return "aft off"
  end
  return known.head and ("#" .. known.head) or ""
end

return M
