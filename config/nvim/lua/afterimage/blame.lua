-- Who wrote each line: the operation and its author at the end of the line, for a buffer without unsaved text.
-- Does not: work with a daemon that has no `blame`; it says so.

local base64 = require("afterimage.base64")
local client = require("afterimage.client")
local view = require("afterimage.view")
local workspace = require("afterimage.workspace")

local M = {}

local space = vim.api.nvim_create_namespace("afterimage.blame")

function M.is_shown(buffer)
  return #vim.api.nvim_buf_get_extmarks(buffer, space, 0, -1, { limit = 1 }) > 0
end

function M.clear(buffer)
  vim.api.nvim_buf_clear_namespace(buffer, space, 0, -1)
end

local function text_of(range)
  local text = "#" .. tostring(range.operation) .. " " .. (range.author or "unknown")
  if range.session then
    text = text .. " " .. range.session:sub(1, 8)
  end
  return range.time and text .. " " .. view.age(range.time) or text
end

-- A range is `count` lines from `start` on, which is counted from 1.
local function draw(buffer, ranges)
  M.clear(buffer)
  local last = vim.api.nvim_buf_line_count(buffer)
  for _, range in ipairs(ranges) do
    for line = range.start, math.min(range.start + range.count - 1, last) do
      vim.api.nvim_buf_set_extmark(buffer, space, line - 1, 0, {
        virt_text = { { text_of(range), "Comment" } },
        virt_text_pos = "eol",
      })
    end
  end
end

-- Shows it, or takes it away where it is shown.
function M.toggle(buffer, done)
  local function finish(err)
    if err then
      view.fail(err)
    end
    if done then
      done(err)
    end
  end
  if M.is_shown(buffer) then
    M.clear(buffer)
    return finish()
  end
  if vim.bo[buffer].modified then
    return finish({ kind = "invalid", message = "this buffer has unsaved text; its lines are not those in the history" })
  end
  workspace.of_buffer(buffer, function(err, place)
    if err then
      return finish(err)
    end
    local tick = vim.api.nvim_buf_get_changedtick(buffer)
    client.request("blame", {
      workspace = base64.to_wire(place.root),
      path = base64.to_wire(place.path),
    }, function(blame_err, result)
      if blame_err and blame_err.code == -32601 then
        blame_err = { kind = "not_found", message = "this daemon has no `blame`: it is an older one" }
      end
      if blame_err then
        return finish(blame_err)
      end
      if vim.api.nvim_buf_is_valid(buffer) and vim.api.nvim_buf_get_changedtick(buffer) == tick then
        draw(buffer, result.ranges)
      end
      finish()
    end)
  end)
end

return M
