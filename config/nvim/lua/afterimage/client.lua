-- The connection to `editor.sock`: requests with callbacks over one pipe, opened when something is asked and opened
-- again after the daemon went away. Nothing here waits.
-- Does not: know methods, or run the command line.

local config = require("afterimage.config")
local places = require("afterimage.places")

local M = {}
local uv = vim.uv or vim.loop

-- Longest answer; results are paged.
local ANSWER_MAX = 64 * 1024 * 1024

-- The one connection: nil, or { pipe, state = "connecting" | "open", waiting = {id = entry}, queue = {line}, chunks }.
local connection = nil
local next_id = 1

local function finish(entry, err, result)
  if entry.timer then
    entry.timer:stop()
    entry.timer:close()
    entry.timer = nil
  end
  vim.schedule(function()
    entry.callback(err, result)
  end)
end

-- Ends a connection; everything that waits on it fails.
local function drop(dropped, err)
  if connection == dropped then
    connection = nil
  end
  if not dropped.pipe:is_closing() then
    dropped.pipe:close()
  end
  local waiting = dropped.waiting
  dropped.waiting = {}
  for _, entry in pairs(waiting) do
    finish(entry, err)
  end
end

local function answered(from, line)
  local ok, answer = pcall(vim.json.decode, line, { luanil = { object = true, array = true } })
  if not ok or type(answer) ~= "table" then
    drop(from, { kind = "protocol", message = "the daemon's answer is no JSON" })
    return
  end
  local entry = answer.id and from.waiting[answer.id]
  if not entry then
    return -- An answer that came too late, or a notification; nobody waits for it.
  end
  from.waiting[answer.id] = nil
  if answer.error then
    local data = type(answer.error.data) == "table" and answer.error.data or {}
    finish(entry, {
      kind = data.kind or "unknown",
      code = answer.error.code,
      message = answer.error.message or "the daemon refused",
      remedy = data.remedy,
    })
  else
    finish(entry, nil, answer.result or {})
  end
end

local function received(from, chunk)
  local start = 1
  while true do
    local stop = chunk:find("\n", start, true)
    if not stop then
      break
    end
    from.chunks[#from.chunks + 1] = chunk:sub(start, stop - 1)
    local line = table.concat(from.chunks)
    from.chunks, from.held = {}, 0
    start = stop + 1
    answered(from, line)
  end
  if start <= #chunk then
    from.chunks[#from.chunks + 1] = chunk:sub(start)
    from.held = from.held + #chunk - start + 1
    if from.held > ANSWER_MAX then
      drop(from, { kind = "protocol", message = "the daemon's answer is too long" })
    end
  end
end

local function connect()
  local path = places.editor_socket()
  local made = { pipe = uv.new_pipe(false), state = "connecting", waiting = {}, queue = {}, chunks = {}, held = 0 }
  connection = made
  -- A relative or an over-long path is an error at once, not a callback.
  local ok, problem = pcall(made.pipe.connect, made.pipe, path, function(err)
    if err then
      drop(made, { kind = "no_daemon", message = "no daemon answers at " .. path .. " (" .. err .. ")" })
      return
    end
    made.state = "open"
    made.pipe:read_start(function(read_err, chunk)
      if read_err or not chunk then
        drop(made, { kind = "closed", message = "the daemon went away" })
      else
        received(made, chunk)
      end
    end)
    for _, line in ipairs(made.queue) do
      made.pipe:write(line)
    end
    made.queue = {}
  end)
  if not ok then
    drop(made, { kind = "no_daemon", message = "cannot connect to " .. path .. ": " .. tostring(problem) })
    return nil
  end
  return made
end

-- Asks the daemon. `callback(err, result)` is called exactly once, on the main loop; `err` has `kind` and `message`.
-- `options.patience` gives more milliseconds than `timeout_ms`, for a request that waits at the daemon.
function M.request(method, params, callback, options)
  local entry = { callback = callback }
  local id = next_id
  next_id = next_id + 1
  if params.workspace == nil and vim.tbl_isempty(params) then
    params = vim.empty_dict()
  end
  local to = connection or connect()
  if not to then
    finish(entry, { kind = "no_daemon", message = "no daemon answers at " .. places.editor_socket() })
    return
  end
  to.waiting[id] = entry
  local line = vim.json.encode({ jsonrpc = "2.0", id = id, method = method, params = params }) .. "\n"
  entry.timer = uv.new_timer()
  entry.timer:start(config.get().timeout_ms + (options and options.patience or 0), 0, function()
    if to.waiting[id] == entry then
      to.waiting[id] = nil
      finish(entry, { kind = "timed_out", message = "the daemon did not answer in time" })
    end
  end)
  if to.state == "open" then
    to.pipe:write(line)
  else
    to.queue[#to.queue + 1] = line
  end
end

-- Asks and waits, for the health check only.
function M.request_and_wait(method, params, wait_ms)
  local done, err, result = false, nil, nil
  M.request(method, params, function(e, r)
    done, err, result = true, e, r
  end)
  if not vim.wait(wait_ms, function()
    return done
  end, 10) then
    return { kind = "timed_out", message = "the daemon did not answer in time" }, nil
  end
  return err, result
end

function M.is_open()
  return connection ~= nil and connection.state == "open"
end

-- Ends the connection, as at the end of Neovim or after the setup changed.
function M.close()
  if connection then
    drop(connection, { kind = "closed", message = "the connection was ended" })
  end
end

return M
