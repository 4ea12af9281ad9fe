-- What is new in the workspaces of open buffers: one long poll each, which costs nothing while nothing happens. Feeds the
-- status line, tells others by `User AfterimageChange`, and looks at files again that something else changed.
-- Does not: ask the user anything; a buffer with unsaved text is left alone.

local base64 = require("afterimage.base64")
local client = require("afterimage.client")
local config = require("afterimage.config")
local workspace = require("afterimage.workspace")

local M = {}

local RETRY_FIRST, RETRY_MAX = 250, 30000

-- By root: { root, head, clock, state = "on" | "off" | "gone", retry, stopped }.
local followed = {}
-- By buffer: { root, path }, or false where it is in no workspace.
local places = {}

local function in_use(root)
  for buffer, place in pairs(places) do
    if place and place.root == root and vim.api.nvim_buf_is_loaded(buffer) then
      return true
    end
  end
  return false
end

-- Looks at the files again that an answer names; at all of them where it does not name all.
local function reload(root, changed)
  for buffer, place in pairs(places) do
    if
      place
      and place.root == root
      and (not changed or changed[place.path])
      and vim.api.nvim_buf_is_loaded(buffer)
      and not vim.bo[buffer].modified
      and vim.api.nvim_buf_call(buffer, function()
        return vim.o.autoread
      end)
    then
      vim.cmd("checktime " .. buffer)
    end
  end
end

-- The paths in an answer; nil where it is not the whole truth.
local function changed_paths(result)
  if result.fresh_instance then
    return nil
  end
  local changed = {}
  for _, operation in ipairs(result.operations) do
    if operation.n_changes > #operation.changes then
      return nil
    end
    for _, change in ipairs(operation.changes) do
      changed[base64.from_wire(change.path)] = true
      if change.renamed_from then
        changed[base64.from_wire(change.renamed_from)] = true
      end
    end
  end
  return changed
end

local function announce(root)
  vim.cmd("redrawstatus")
  M.last_change = root
  vim.cmd("silent doautocmd <nomodeline> User AfterimageChange")
end

local poll

local function again_later(entry)
  local delay = entry.retry
  entry.retry = math.min(entry.retry * 2, RETRY_MAX)
  vim.defer_fn(function()
    poll(entry)
  end, delay)
end

local function news(entry, result)
  local first = entry.clock == nil
  local was = entry.state
  entry.state, entry.retry, entry.clock = "on", RETRY_FIRST, result.clock
  local newest = result.operations[#result.operations]
  if newest then
    entry.head = newest.operation
  end
  if newest or result.fresh_instance or was ~= "on" then
    if not first and config.get().reload and (newest or result.fresh_instance) then
      reload(entry.root, changed_paths(result))
    end
    announce(entry.root)
  end
end

poll = function(entry)
  if entry.stopped then
    return -- Another one may follow the same workspace by now.
  end
  if not config.get().follow or not in_use(entry.root) then
    followed[entry.root] = nil
    return
  end
  local wait = entry.clock and config.get().wait_ms or 0
  local params = {
    workspace = base64.to_wire(entry.root),
    clock = entry.clock,
    wait_ms = wait,
    limit = entry.clock and 50 or 1,
  }
  client.request("history.poll", params, function(err, result)
    if entry.stopped then
      return
    end
    if not err then
      news(entry, result)
      return poll(entry)
    end
    local state = err.kind == "not_found" and "gone" or "off"
    if entry.state ~= state then
      entry.state = state
      announce(entry.root)
    end
    again_later(entry)
  end, { patience = wait })
end

-- Finds out where a buffer is, and follows its workspace.
function M.attach(buffer)
  if not config.get().follow or not vim.api.nvim_buf_is_valid(buffer) or not workspace.file_of(buffer) then
    return
  end
  local known = places[buffer]
  if known and followed[known.root] then
    return
  end
  workspace.of_buffer(buffer, function(err, place)
    if not vim.api.nvim_buf_is_valid(buffer) then
      return
    end
    if err then
      places[buffer] = places[buffer] or false
      return
    end
    places[buffer] = place
    if not followed[place.root] then
      local entry = { root = place.root, state = "starting", retry = RETRY_FIRST }
      followed[place.root] = entry
      poll(entry)
    end
  end)
end

function M.detach(buffer)
  places[buffer] = nil
end

-- Ends all of it; answers that still come are not looked at.
function M.stop()
  for _, entry in pairs(followed) do
    entry.stopped = true
  end
  followed, places = {}, {}
end

-- What is known of a buffer's workspace, without asking: { root, path, head, state }, or nil.
function M.known(buffer)
  local place = places[buffer]
  local entry = place and followed[place.root]
  return entry and { root = place.root, path = place.path, head = entry.head, state = entry.state } or nil
end

return M
