-- Undo and restore, by the `aft` command: `editor.sock` only reads. Runs beside Neovim and looks at the files again at the end.
-- Does not: save anything; what is unsaved in a buffer stays in it.

local config = require("afterimage.config")
local view = require("afterimage.view")
local workspace = require("afterimage.workspace")

local M = {}

-- What the exit code of `aft` means, where it is not 0.
local MEANING = {
  [3] = "refused, nothing was touched",
  [4] = "not found",
  [5] = "partly done",
  [6] = "forbidden",
  [7] = "no daemon",
  [8] = "the store is damaged",
}

local function collect(into)
  return function(_, data)
    for index, piece in ipairs(data or {}) do
      if index == 1 and #into > 0 then
        into[#into] = into[#into] .. piece
      else
        into[#into + 1] = piece
      end
    end
  end
end

-- Runs `aft` in a directory: `callback(code, stdout, stderr)`.
function M.aft(arguments, cwd, callback)
  local out, err = {}, {}
  local ok, job = pcall(vim.fn.jobstart, vim.list_extend({ config.get().command }, arguments), {
    cwd = cwd,
    on_stdout = collect(out),
    on_stderr = collect(err),
    on_exit = function(_, code)
      callback(code, table.concat(out, "\n"), table.concat(err, "\n"))
    end,
  })
  if not ok or job <= 0 then
    callback(-1, "", "cannot run `" .. config.get().command .. "`; set `command` in the setup")
  end
end

local function sentence(what, result)
  local files = string.format("%d file%s", result.n_changed, result.n_changed == 1 and "" or "s")
  if result.n_changed == 0 then
    return what .. ": nothing had to change"
  end
  local text = string.format("%s: %s, recorded as #%s", what, files, tostring(result.operation))
  return #(result.kept or {}) > 0 and text .. string.format("; %d left as they are", #result.kept) or text
end

-- Runs a command that changes files, tells what came of it, and looks at the buffers again.
local function travel(what, arguments, root, done)
  M.aft(arguments, root, function(code, out, err)
    local ok, result = pcall(vim.json.decode, out, { luanil = { object = true, array = true } })
    if (code == 0 or code == 5) and ok and result.n_changed then
      view.notify(sentence(what, result), code == 0 and vim.log.levels.INFO or vim.log.levels.WARN)
    else
      local message = vim.trim(err):gsub("^aft: ", "")
      view.notify(
        what .. ": " .. (MEANING[code] and MEANING[code] .. ": " or "") .. message,
        vim.log.levels.ERROR
      )
    end
    vim.cmd("checktime")
    if done then
      done(code, ok and result or nil)
    end
  end)
end

-- The directory whose workspace is meant: that of the buffer's file, else Neovim's own.
local function root_of(buffer, callback)
  workspace.of_buffer(buffer, function(err, place)
    if not err then
      return callback(nil, place)
    end
    if err.kind ~= "invalid" then
      return callback(err)
    end
    workspace.find(vim.fn.getcwd() .. "/", callback)
  end)
end

local function unsaved(root)
  local count = 0
  for _, buffer in ipairs(vim.api.nvim_list_bufs()) do
    local file = vim.api.nvim_buf_is_loaded(buffer) and vim.bo[buffer].modified and workspace.file_of(buffer)
    if file and file:sub(1, #root + 1) == root .. "/" then
      count = count + 1
    end
  end
  return count
end

-- Takes back the last operation of the buffer's workspace, or the one named, later edits kept. Asks first unless `sure`.
function M.undo(buffer, operation, sure, done)
  root_of(buffer, function(err, place)
    if err then
      view.fail(err)
      return done and done(-1)
    end
    local what = operation and ("undo #" .. operation) or "undo"
    local question = string.format("Afterimage: %s in %s?", what, place.root)
    local open = unsaved(place.root)
    if open > 0 then
      question = question .. string.format("\n%d buffers with unsaved text keep it.", open)
    end
    if not sure and vim.fn.confirm(question, "&Yes\n&No", 2) ~= 1 then
      return done and done(-1)
    end
    local arguments = { "undo", "--json", "-w", place.root }
    if operation then
      vim.list_extend(arguments, { "--", tostring(operation) })
    end
    travel(what, arguments, place.root, done)
  end)
end

-- Puts the buffer's file back as it was at a point. Asks first unless `sure`.
function M.restore(buffer, point, sure, done)
  workspace.of_buffer(buffer, function(err, place)
    if err then
      view.fail(err)
      return done and done(-1)
    end
    local question = string.format("Afterimage: %s as it was at %s?", place.path, point)
    if vim.bo[buffer].modified then
      question = question .. "\nIts unsaved text stays in the buffer."
    end
    if not sure and vim.fn.confirm(question, "&Yes\n&No", 2) ~= 1 then
      return done and done(-1)
    end
    local arguments = { "restore", "--json", "--at", tostring(point), "-w", place.root }
    vim.list_extend(arguments, { "--", place.root .. "/" .. place.path })
    travel("restore", arguments, place.root, done)
  end)
end

return M
