-- The few things a test needs: cases, checks, waiting for something real, `aft`, files. Ends Neovim with the right code.

Test = { cases = {}, messages = {} }
Test.work = vim.env.AFT_WORK
Test.aft_bin = vim.env.AFT

vim.notify = function(message)
  table.insert(Test.messages, message)
end
vim.o.swapfile = false
vim.o.hidden = true

function Test.case(name, body)
  table.insert(Test.cases, { name = name, body = body })
end

function Test.equal(got, wanted, what)
  if not vim.deep_equal(got, wanted) then
    error((what or "value") .. ": got " .. vim.inspect(got) .. ", wanted " .. vim.inspect(wanted), 2)
  end
end

function Test.ok(value, what)
  if not value then
    error((what or "it") .. " is not so; messages: " .. vim.inspect(Test.messages), 2)
  end
end

-- Waits until something holds, on the main loop, which goes on turning meanwhile.
function Test.wait(what, holds, ms)
  if not vim.wait(ms or 15000, holds, 5) then
    error("waited in vain for " .. what .. "; messages: " .. vim.inspect(Test.messages), 2)
  end
end

-- Runs a function that takes a callback last, and gives what the callback got.
function Test.await(start, ...)
  local got = nil
  local arguments = { ... }
  arguments[select("#", ...) + 1] = function(...)
    got = { n = select("#", ...), ... }
  end
  start(unpack(arguments, 1, select("#", ...) + 1))
  Test.wait("a callback", function()
    return got ~= nil
  end)
  return unpack(got, 1, got.n)
end

function Test.aft(...)
  local out = vim.fn.system({ Test.aft_bin, ... })
  if vim.v.shell_error ~= 0 then
    error("aft " .. table.concat({ ... }, " ") .. ": exit " .. vim.v.shell_error .. "\n" .. out, 2)
  end
  return out
end

-- Writes a file, as one operation.
function Test.write(name, text)
  local file = assert(io.open(Test.work .. "/" .. name, "wb"))
  file:write(text)
  file:close()
  Test.aft("sync", "-w", Test.work)
end

function Test.read(name)
  local file = assert(io.open(Test.work .. "/" .. name, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

function Test.edit(name)
  vim.cmd("silent! only!")
  vim.cmd("edit! " .. vim.fn.fnameescape(Test.work .. "/" .. name))
  return vim.api.nvim_get_current_buf()
end

function Test.lines(buffer)
  return vim.api.nvim_buf_get_lines(buffer, 0, -1, false)
end

function Test.run()
  -- A spec that could not be loaded has fewer cases, or none: either is a failure.
  local passed, failed = 0, Test.loaded and 0 or 1
  for _, case in ipairs(Test.cases) do
    Test.messages = {}
    local ok, problem = xpcall(case.body, debug.traceback)
    io.stdout:write((ok and "ok      " or "FAILED  ") .. case.name .. "\n")
    if ok then
      passed = passed + 1
    else
      failed = failed + 1
      io.stdout:write(problem .. "\n")
    end
  end
  io.stdout:write(string.format("%d passed, %d failed\n", passed, failed))
  vim.cmd(failed > 0 and "cquit 1" or "qall!")
end
