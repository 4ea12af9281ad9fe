-- A file through time: its versions, across renames, and its text at a point.
-- Does not: show anything.

local base64 = require("afterimage.base64")
local client = require("afterimage.client")
local config = require("afterimage.config")

local M = {}

-- The next page of versions: `callback(err, versions, more)`. `from` is { root, path }, or what `more` was; each version
-- gets `name`, what the file was called then.
function M.versions(from, callback)
  client.request("file.history", {
    workspace = base64.to_wire(from.root),
    path = base64.to_wire(from.path),
    cursor = from.cursor,
    limit = config.get().page,
  }, function(err, result)
    if err then
      return callback(err)
    end
    local versions = {}
    for _, version in ipairs(result.versions) do
      -- Under its earlier name only what came before the rename.
      if not from.before or version.operation < from.before then
        version.name = from.path
        versions[#versions + 1] = version
      end
    end
    local more = nil
    local last = versions[#versions]
    if last and last.renamed_from then
      more = { root = from.root, path = base64.from_wire(last.renamed_from), before = last.operation }
    elseif result.cursor then
      more = { root = from.root, path = from.path, before = from.before, cursor = result.cursor }
    end
    if #versions == 0 and more then
      return M.versions(more, callback)
    end
    callback(nil, versions, more)
  end)
end

-- The bytes at a point: `callback(err, bytes, operation)`. Several requests for a large file, all of one state.
function M.read(root, path, point, callback)
  local pieces, offset = {}, 0
  local function step(at)
    client.request("file.read", {
      workspace = base64.to_wire(root),
      path = base64.to_wire(path),
      at = at,
      offset = offset,
    }, function(err, page)
      if err then
        return callback(err)
      end
      local piece = base64.from_wire(page.content)
      pieces[#pieces + 1] = piece
      offset = offset + #piece
      if offset < page.size and #piece > 0 then
        return step(page.operation)
      end
      callback(nil, table.concat(pieces), page.operation)
    end)
  end
  step(point)
end

-- What an operation did to one file, as a unified diff: `callback(err, text)`.
function M.change(root, path, operation, callback)
  local pieces = {}
  local function step(cursor)
    client.request("operation.show", {
      workspace = base64.to_wire(root),
      operation = operation,
      diff = "unified",
      paths = { base64.to_wire(path) },
      cursor = cursor,
    }, function(err, result)
      if err then
        return callback(err)
      end
      for _, change in ipairs(result.operation.changes) do
        pieces[#pieces + 1] = change.diff and base64.from_wire(change.diff) or ""
        if change.incomplete then
          pieces[#pieces + 1] = "(a part of this change is not in the history, or is too large to be shown)\n"
        end
      end
      if result.cursor then
        return step(result.cursor)
      end
      callback(nil, table.concat(pieces))
    end)
  end
  step(nil)
end

return M
