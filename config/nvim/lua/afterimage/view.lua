-- Buffers that show something from the history: made, filled, named.
-- Does not: ask the daemon.

local M = {}

function M.notify(message, level)
  vim.notify("afterimage: " .. message, level or vim.log.levels.INFO)
end

-- Tells the user what went wrong, with what to do about it where the daemon said.
function M.fail(err)
  M.notify(err.message .. (err.remedy and (" (" .. err.remedy .. ")") or ""), vim.log.levels.ERROR)
end

-- A text as the lines of a buffer. A NUL in a text is a line feed within a line, as Vim has it.
function M.lines(text)
  local lines = vim.split(text, "\n", { plain = true })
  if #lines > 1 and lines[#lines] == "" then
    lines[#lines] = nil
  end
  for index, line in ipairs(lines) do
    if line:find("%z") then
      lines[index] = line:gsub("%z", "\n")
    end
  end
  return lines
end

function M.fill(buffer, lines)
  vim.bo[buffer].modifiable = true
  vim.api.nvim_buf_set_lines(buffer, 0, -1, false, lines)
  vim.bo[buffer].modifiable = false
  vim.bo[buffer].modified = false
end

-- A buffer that no file stands behind and that goes when nobody looks at it. A number is put behind a name that is taken.
function M.scratch(name, lines, filetype)
  local buffer = vim.api.nvim_create_buf(false, true)
  vim.bo[buffer].bufhidden = "wipe"
  vim.bo[buffer].swapfile = false
  local try, taken = name, 2
  while not pcall(vim.api.nvim_buf_set_name, buffer, try) do
    try = name .. " (" .. taken .. ")"
    taken = taken + 1
    if taken > 100 then
      break
    end
  end
  M.fill(buffer, lines)
  if filetype and filetype ~= "" then
    vim.bo[buffer].filetype = filetype
  end
  return buffer
end

-- A moment as a short age: `3m`, `2h`, `5d`.
function M.age(time, now)
  local year, month, day, hour, minute, second = time:match("^(%d+)-(%d+)-(%d+)T(%d+):(%d+):(%d+)")
  if not year then
    return "?"
  end
  local y, m = tonumber(year), tonumber(month)
  -- Days from the civil calendar: `os.time` would take the fields for local time.
  if m <= 2 then
    y, m = y - 1, m + 12
  end
  local days = 365 * y + math.floor(y / 4) - math.floor(y / 100) + math.floor(y / 400)
    + math.floor((153 * (m - 3) + 2) / 5) + tonumber(day) - 719469
  local at = days * 86400 + hour * 3600 + minute * 60 + second
  local passed = math.max(0, (now or os.time()) - at)
  for _, unit in ipairs({ { 86400, "d" }, { 3600, "h" }, { 60, "m" } }) do
    if passed >= unit[1] then
      return math.floor(passed / unit[1]) .. unit[2]
    end
  end
  return passed .. "s"
end

return M
