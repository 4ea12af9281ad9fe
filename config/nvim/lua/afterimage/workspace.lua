-- Which workspace a file is in, and its name there.
-- Does not: watch anything.

local base64 = require("afterimage.base64")
local client = require("afterimage.client")

local M = {}
local uv = vim.uv or vim.loop

-- The real path of a file that may be gone: that of the nearest directory above which is there.
function M.real_path(name)
  local tail = ""
  local path = name
  while true do
    local real = uv.fs_realpath(path)
    if real then
      return tail == "" and real or (real == "/" and "" or real) .. tail
    end
    local parent, last = path:match("^(.*)/([^/]+)/*$")
    if not last then
      return nil
    end
    tail = "/" .. last .. tail
    path = parent == "" and "/" or parent
  end
end

-- The file of a buffer, absolute and real; nil where it has none.
function M.file_of(buffer)
  if vim.bo[buffer].buftype ~= "" then
    return nil
  end
  local name = vim.api.nvim_buf_get_name(buffer)
  if name == "" or name:match("^%a[%w+.-]+://") then
    return nil
  end
  return M.real_path(name)
end

-- Finds the workspace of a file: `callback(err, { root, path, id, state })`. The innermost one wins.
function M.find(file, callback)
  client.request("workspace.list", {}, function(err, result)
    if err then
      return callback(err)
    end
    local best = nil
    for _, entry in ipairs(result.workspaces or {}) do
      local root = base64.from_wire(entry.root)
      local under = root == "/" and "/" or root .. "/"
      if file:sub(1, #under) == under and (not best or #root > #best.root) then
        best = { root = root, path = file:sub(#under + 1), id = entry.workspace, state = entry.state }
      end
    end
    if best then
      callback(nil, best)
    else
      callback({ kind = "not_found", message = file .. " is in no watched workspace; `aft watch DIR` watches one" })
    end
  end)
end

-- The workspace of a buffer.
function M.of_buffer(buffer, callback)
  local file = M.file_of(buffer)
  if not file then
    return callback({ kind = "invalid", message = "this buffer has no file" })
  end
  M.find(file, callback)
end

return M
