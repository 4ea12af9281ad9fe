-- The history of a buffer's file: a list of its versions below, the change of the one under the cursor beside it.
-- Does not: change files by itself; its keys call what does.

local diff = require("afterimage.diff")
local config = require("afterimage.config")
local file = require("afterimage.file")
local travel = require("afterimage.travel")
local view = require("afterimage.view")
local workspace = require("afterimage.workspace")

local M = {}

local HELP = "  <CR> diff  p text  r restore  u undo  n older  R anew  q close"

local function who(version)
  local author = version.author
  if version.session then
    author = author .. " " .. version.session:sub(1, 8)
  end
  return author
end

local function line_of(version)
  local state = version.state
  local size = state.type == "file" and tostring(state.size or "?") .. " B" or state.type
  local renamed = version.renamed_from and "  renamed" or ""
  return string.format(
    "#%-7d %5s  %-8s  %-20s  %10s%s",
    version.operation,
    view.age(version.time),
    version.kind,
    who(version),
    size,
    renamed
  )
end

local function draw(list)
  local lines = { list.place.path .. HELP }
  for _, version in ipairs(list.versions) do
    lines[#lines + 1] = line_of(version)
  end
  if list.more then
    lines[#lines + 1] = "n: older versions"
  end
  view.fill(list.buffer, lines)
end

local function current(list)
  if not vim.api.nvim_win_is_valid(list.window) then
    return nil
  end
  return list.versions[vim.api.nvim_win_get_cursor(list.window)[1] - 1]
end

-- Shows the change of the version under the cursor. An answer that comes after the cursor went on is thrown away.
local function preview(list)
  local version = current(list)
  if not version or list.shown == version.operation or not vim.api.nvim_win_is_valid(list.preview_window) then
    return
  end
  list.shown = version.operation
  file.change(list.place.root, version.name, version.operation, function(err, text)
    if list.shown ~= version.operation or not vim.api.nvim_buf_is_valid(list.preview) then
      return
    end
    local lines = err and { err.message } or view.lines(text)
    view.fill(list.preview, #lines > 0 and lines or { "no difference to be shown" })
    list.previewed = version.operation
  end)
end

local function load(list, from, done)
  file.versions(from, function(err, versions, more)
    if not vim.api.nvim_buf_is_valid(list.buffer) then
      return
    end
    if err then
      view.fail(err)
    else
      vim.list_extend(list.versions, versions)
      list.more = more
      draw(list)
      preview(list)
    end
    if done then
      done(err, list)
    end
  end)
end

local function close(list)
  for _, window in ipairs({ list.preview_window, list.window }) do
    if vim.api.nvim_win_is_valid(window) then
      pcall(vim.api.nvim_win_close, window, true)
    end
  end
end

local function anew(list)
  list.versions, list.more, list.shown = {}, nil, nil
  load(list, { root = list.place.root, path = list.place.path })
end

local function show_text(list, version)
  file.read(list.place.root, version.name, version.operation, function(err, text, operation)
    if err then
      return view.fail(err)
    end
    local title = string.format("aft://%d/%s", operation, version.name)
    local buffer = view.scratch(title, view.lines(text), list.filetype)
    vim.cmd("tab sbuffer " .. buffer)
  end)
end

local function keys(list)
  local function with_version(act)
    return function()
      local version = current(list)
      if version then
        act(version)
      end
    end
  end
  local function refresh(code)
    if code == 0 and vim.api.nvim_buf_is_valid(list.buffer) then
      anew(list)
    end
  end
  local actions = {
    ["<CR>"] = { "diff against the file", with_version(function(version)
      if vim.api.nvim_win_is_valid(list.source_window) then
        close(list)
        diff.open(list.source, version.operation, { window = list.source_window, name = version.name })
      end
    end) },
    p = { "open the text of this version", with_version(function(version)
      show_text(list, version)
    end) },
    r = { "restore this version", with_version(function(version)
      if version.name ~= list.place.path then
        return view.notify("the file was called " .. version.name .. " then; p opens its text", vim.log.levels.WARN)
      end
      travel.restore(list.source, version.operation, false, refresh)
    end) },
    u = { "undo this operation, later edits kept", with_version(function(version)
      travel.undo(list.source, version.operation, false, refresh)
    end) },
    n = { "older versions", function()
      if list.more then
        load(list, list.more)
      end
    end },
    R = { "read it anew", function()
      anew(list)
    end },
    q = { "close", function()
      close(list)
    end },
  }
  for key, action in pairs(actions) do
    vim.keymap.set("n", key, action[2], { buffer = list.buffer, nowait = true, desc = action[1] })
  end
end

-- Opens the list; `done(err, list)` is called when its first page is there.
function M.open(buffer, done)
  local source_window = vim.api.nvim_get_current_win()
  workspace.of_buffer(buffer, function(err, place)
    if err then
      view.fail(err)
      return done and done(err)
    end
    if not vim.api.nvim_buf_is_valid(buffer) then
      return
    end
    local list = { place = place, source = buffer, source_window = source_window, versions = {} }
    list.filetype = vim.bo[buffer].filetype
    list.buffer = view.scratch("aft://history/" .. place.path, { place.path .. HELP }, "afterimage")
    list.preview = view.scratch("aft://change/" .. place.path, { "" }, "diff")
    vim.cmd("botright " .. config.get().height .. "split")
    list.window = vim.api.nvim_get_current_win()
    vim.api.nvim_win_set_buf(list.window, list.buffer)
    vim.cmd("rightbelow vsplit")
    list.preview_window = vim.api.nvim_get_current_win()
    vim.api.nvim_win_set_buf(list.preview_window, list.preview)
    vim.api.nvim_set_current_win(list.window)
    for _, window in ipairs({ list.window, list.preview_window }) do
      vim.wo[window].number, vim.wo[window].wrap, vim.wo[window].winfixheight = false, false, true
    end
    vim.wo[list.window].cursorline = true
    keys(list)
    vim.api.nvim_create_autocmd("CursorMoved", {
      buffer = list.buffer,
      callback = function()
        preview(list)
      end,
    })
    load(list, { root = place.root, path = place.path }, function(load_err)
      if not load_err and #list.versions > 0 and vim.api.nvim_win_is_valid(list.window) then
        vim.api.nvim_win_set_cursor(list.window, { 2, 0 })
        preview(list)
      end
      if done then
        done(load_err, list)
      end
    end)
  end)
end

return M
