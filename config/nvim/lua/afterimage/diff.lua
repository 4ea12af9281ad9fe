-- The buffer beside what its file was at a point, with Vim's own diff mode.
-- Does not: change the file.

local file = require("afterimage.file")
local view = require("afterimage.view")
local workspace = require("afterimage.workspace")

local M = {}

-- Shows a text beside a window. Closing it ends the diff.
local function beside(window, name, text, filetype)
  vim.api.nvim_set_current_win(window)
  local buffer = view.scratch(name, view.lines(text), filetype)
  vim.cmd("leftabove vertical sbuffer " .. buffer)
  local old = vim.api.nvim_get_current_win()
  vim.cmd("diffthis")
  vim.api.nvim_win_call(window, function()
    vim.cmd("diffthis")
  end)
  vim.api.nvim_create_autocmd("BufWinLeave", {
    buffer = buffer,
    once = true,
    callback = function()
      vim.schedule(function()
        if vim.api.nvim_win_is_valid(window) then
          vim.api.nvim_win_call(window, function()
            vim.cmd("diffoff")
          end)
        end
      end)
    end,
  })
  vim.keymap.set("n", "q", "<cmd>close<cr>", { buffer = buffer, desc = "end the diff" })
  vim.api.nvim_set_current_win(window)
  return old, buffer
end

-- The version before the newest one; where that is not what the buffer holds on disk, still the last settled one.
local function last_but_one(place, callback)
  local found = {}
  local function step(from)
    file.versions(from, function(err, versions, more)
      if err then
        return callback(err)
      end
      for _, version in ipairs(versions) do
        if version.state.type == "file" then
          found[#found + 1] = version
        end
      end
      if #found < 2 and more then
        return step(more)
      end
      local version = found[2] or found[1]
      if not version then
        return callback({ kind = "not_found", message = "no version of this file has a content" })
      end
      callback(nil, version.operation, version.name)
    end)
  end
  step({ root = place.root, path = place.path })
end

-- Opens the diff of a buffer against a point; `options.name` where the file was called otherwise then. Without a point:
-- against the version before the newest. `options.done(err, buffer)` is called at the end.
function M.open(buffer, point, options)
  options = options or {}
  local window = options.window or vim.api.nvim_get_current_win()
  local function finish(err, made)
    if err then
      view.fail(err)
    end
    if options.done then
      options.done(err, made)
    end
  end
  workspace.of_buffer(buffer, function(err, place)
    if err then
      return finish(err)
    end
    local function show(at, name)
      file.read(place.root, name, at, function(read_err, text, operation)
        if read_err then
          return finish(read_err)
        end
        if not vim.api.nvim_win_is_valid(window) or vim.api.nvim_win_get_buf(window) ~= buffer then
          return finish({ kind = "closed", message = "its window was closed meanwhile" })
        end
        local title = string.format("aft://%d/%s", operation, name)
        local _, made = beside(window, title, text, vim.bo[buffer].filetype)
        finish(nil, made)
      end)
    end
    if point then
      return show(point, options.name or place.path)
    end
    last_but_one(place, function(list_err, at, name)
      if list_err then
        return finish(list_err)
      end
      show(at, name)
    end)
  end)
end

return M
