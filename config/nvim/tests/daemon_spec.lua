-- The commands against a real daemon: history, diff, undo, restore, following, a restart, health.

local afterimage = require("afterimage")
local client = require("afterimage.client")

afterimage.setup({ command = Test.aft_bin })
vim.fn.writefile({ "one" }, Test.work .. "/a.txt")
Test.aft("watch", Test.work, "--detach")
vim.cmd("runtime plugin/afterimage.lua")

local function has(pattern)
  for _, message in ipairs(Test.messages) do
    if message:find(pattern) then
      return true
    end
  end
  return false
end

Test.case("the history of a file is listed, with the change under the cursor", function()
  Test.write("a.txt", "one\ntwo\n")
  Test.write("a.txt", "one\ntwo\nthree\n")
  local buffer = Test.edit("a.txt")
  local err, list = Test.await(afterimage.history, buffer)
  Test.equal(err, nil)
  Test.equal(#list.versions, 3)
  local lines = Test.lines(list.buffer)
  Test.ok(lines[2]:find("^#" .. list.versions[1].operation .. " "), lines[2])
  Test.ok(lines[4]:find("baseline", 1, true), lines[4])
  Test.wait("the preview", function()
    return list.previewed == list.versions[1].operation
  end)
  Test.ok(vim.tbl_contains(Test.lines(list.preview), "+three"), vim.inspect(Test.lines(list.preview)))
  vim.api.nvim_win_set_cursor(list.window, { 3, 0 })
  vim.cmd("doautocmd CursorMoved")
  Test.wait("the next preview", function()
    return list.previewed == list.versions[2].operation
  end)
  Test.ok(vim.tbl_contains(Test.lines(list.preview), "+two"))
  Test.equal(vim.bo[list.buffer].modifiable, false)
  vim.api.nvim_feedkeys(vim.api.nvim_replace_termcodes("<CR>", true, true, true), "x", false)
  Test.wait("the diff", function()
    return #vim.tbl_filter(function(window)
      return vim.wo[window].diff
    end, vim.api.nvim_list_wins()) == 2
  end)
  Test.equal(#vim.api.nvim_list_wins(), 2)
end)

Test.case("a diff against a point has the text of that point", function()
  local buffer = Test.edit("a.txt")
  local err, old = Test.await(afterimage.diff, buffer, "1")
  Test.equal(err, nil)
  Test.equal(Test.lines(old), { "one" })
  Test.ok(vim.wo.diff, "the file's window is in diff mode")
  Test.equal(vim.api.nvim_get_current_buf(), buffer)
  vim.cmd("bwipeout " .. old)
  Test.wait("the end of the diff", function()
    return not vim.wo.diff
  end)
  local _, previous = Test.await(afterimage.diff, buffer, nil)
  Test.equal(Test.lines(previous), { "one", "two" })
  Test.ok(Test.await(afterimage.diff, buffer, "no-such-point"), "an unknown point is an error")
  Test.ok(has("no%-such%-point"), "the user is told")
end)

Test.case("history goes on under the name before a rename", function()
  os.rename(Test.work .. "/a.txt", Test.work .. "/b.txt")
  Test.aft("sync", "-w", Test.work)
  Test.write("b.txt", "one\ntwo\nthree\nfour\n")
  local buffer = Test.edit("b.txt")
  local _, list = Test.await(afterimage.history, buffer)
  local first = #list.versions
  Test.ok(list.more, "there is more")
  vim.api.nvim_feedkeys("n", "x", false)
  Test.wait("the versions under the old name", function()
    return #list.versions > first
  end)
  Test.equal(list.versions[#list.versions].name, "a.txt")
  Test.equal(list.versions[#list.versions].operation, 1)
end)

Test.case("undo takes the last operation back, and the buffer shows it", function()
  -- Without what follows by itself, so that the command alone shows it.
  afterimage.setup({ command = Test.aft_bin, follow = false })
  local buffer = Test.edit("b.txt")
  vim.o.autoread = true
  Test.equal(#Test.lines(buffer), 4)
  Test.equal(Test.await(afterimage.undo, buffer, nil, true), 0)
  Test.equal(Test.read("b.txt"), "one\ntwo\nthree\n")
  Test.wait("the buffer", function()
    return #Test.lines(buffer) == 3
  end)
  Test.ok(has("undo: 1 file, recorded as #%d+"))
end)

Test.case("restore puts the file back, and a point that is not there is refused", function()
  local buffer = Test.edit("b.txt")
  Test.write("b.txt", "other\n")
  vim.cmd("checktime")
  Test.equal(Test.await(afterimage.restore, buffer, "@-1", true), 0)
  Test.equal(Test.read("b.txt"), "one\ntwo\nthree\n")
  Test.wait("the buffer", function()
    return Test.lines(buffer)[1] == "one"
  end)
  Test.equal(Test.await(afterimage.restore, buffer, "no-such-point", true), 4)
  Test.ok(has("not found"))
  Test.equal(Test.read("b.txt"), "one\ntwo\nthree\n")
end)

Test.case("what something else changes shows by itself, and nobody is asked about unsaved text", function()
  afterimage.setup({ command = Test.aft_bin })
  local buffer = Test.edit("b.txt")
  local follow = require("afterimage.follow")
  Test.wait("the first poll", function()
    return afterimage.statusline(buffer):find("^#%d+$")
  end)
  local head = follow.known(buffer).head
  local told = 0
  vim.api.nvim_create_autocmd("User", {
    pattern = "AfterimageChange",
    callback = function()
      told = told + 1
    end,
  })
  Test.write("b.txt", "from an agent\n")
  Test.wait("the agent's text", function()
    return Test.lines(buffer)[1] == "from an agent"
  end)
  Test.ok(follow.known(buffer).head > head, "the status line goes on")
  Test.ok(told > 0, "others are told")
  vim.api.nvim_buf_set_lines(buffer, 0, -1, false, { "unsaved" })
  head = follow.known(buffer).head
  local asked = 0
  local watcher = vim.api.nvim_create_autocmd("FileChangedShell", {
    callback = function()
      asked = asked + 1
    end,
  })
  Test.write("b.txt", "from an agent again\n")
  Test.wait("the news", function()
    return follow.known(buffer).head > head
  end)
  vim.api.nvim_del_autocmd(watcher)
  Test.equal(Test.lines(buffer), { "unsaved" })
  Test.equal(asked, 0, "prompts about the change")
  vim.bo[buffer].modified = false
end)

Test.case("the loop of the editor never waits for the daemon", function()
  local buffer = Test.edit("b.txt")
  local longest, last, turns = 0, vim.loop.hrtime(), 0
  local timer = vim.loop.new_timer()
  timer:start(0, 1, function()
    local now = vim.loop.hrtime()
    longest, last, turns = math.max(longest, now - last), now, turns + 1
  end)
  -- A request that the daemon keeps for a second, and one behind it.
  local _, first = Test.await(client.request, "history.poll", { workspace = Test.work })
  local answers = {}
  client.request("history.poll", { workspace = Test.work, clock = first.clock, wait_ms = 1000 }, function()
    table.insert(answers, "poll")
  end)
  client.request("workspace.list", {}, function()
    table.insert(answers, "list")
  end)
  Test.wait("both answers", function()
    return #answers == 2
  end)
  timer:stop()
  timer:close()
  Test.equal(answers, { "list", "poll" })
  Test.ok(turns > 200, "the loop turned " .. turns .. " times")
  Test.ok(longest < 500e6, "it stood for " .. longest / 1e6 .. " ms")
  Test.ok(vim.api.nvim_buf_is_valid(buffer))
end)

Test.case("after a restart of the daemon all goes on", function()
  local buffer = Test.edit("b.txt")
  Test.wait("the poll", function()
    return afterimage.statusline(buffer):find("^#")
  end)
  Test.aft("daemon", "stop")
  Test.wait("the end to be seen", function()
    return afterimage.statusline(buffer) == "aft off"
  end)
  Test.equal(Test.await(client.request, "workspace.list", {}).kind, "no_daemon")
  Test.aft("daemon", "start")
  Test.write("b.txt", "after the restart\n")
  Test.wait("the new daemon", function()
    return afterimage.statusline(buffer):find("^#")
  end)
  Test.wait("the text", function()
    return Test.lines(buffer)[1] == "after the restart"
  end)
end)

Test.case("a setup in the middle leaves one follower, which goes on", function()
  local buffer = Test.edit("b.txt")
  local follow = require("afterimage.follow")
  Test.wait("the first follower", function()
    return follow.known(buffer) ~= nil and follow.known(buffer).state == "on"
  end)
  afterimage.setup({ command = Test.aft_bin })
  follow.attach(buffer)
  Test.wait("the second follower", function()
    return follow.known(buffer) ~= nil and follow.known(buffer).state == "on"
  end)
  -- Longer than what the first one, whose poll failed with its connection, waits before it tries again.
  local lost = vim.wait(600, function()
    return follow.known(buffer) == nil
  end, 5)
  Test.ok(not lost, "the second follower is still there")
end)

Test.case("a name and a text that are not UTF-8", function()
  local name = "caf\233.bin"
  Test.write(name, "\255\254 one\n")
  Test.write(name, "\255\254 two\n")
  local _, text = Test.await(require("afterimage.file").read, Test.work, name, "@-1")
  Test.equal(text, "\255\254 one\n")
end)

Test.case("a file outside of any workspace, and a buffer without one, are told", function()
  vim.cmd("silent! only! | enew!")
  Test.ok(Test.await(afterimage.history, vim.api.nvim_get_current_buf()))
  Test.ok(has("no file"))
  vim.cmd("edit! " .. vim.env.HOME .. "/elsewhere.txt")
  Test.ok(Test.await(afterimage.history, vim.api.nvim_get_current_buf()))
  Test.ok(has("aft watch"))
end)

Test.case("blame shows who wrote each line", function()
  local buffer = Test.edit("b.txt")
  Test.equal(Test.await(afterimage.blame, buffer), nil)
  Test.ok(require("afterimage.blame").is_shown(buffer), "it is shown")
  Test.await(afterimage.blame, buffer)
  Test.ok(not require("afterimage.blame").is_shown(buffer), "it is gone")
end)

Test.case("the commands are there, and the health check is clean", function()
  for _, name in ipairs({ "AftHistory", "AftDiff", "AftBlame", "AftUndo", "AftRestore" }) do
    Test.equal(vim.fn.exists(":" .. name), 2, name)
  end
  vim.cmd("checkhealth afterimage")
  local text = table.concat(Test.lines(vim.api.nvim_get_current_buf()), "\n")
  Test.ok(text:find("answers at", 1, true), text)
  Test.ok(text:find(Test.work .. " is armed", 1, true), text)
  Test.ok(not text:find("ERROR"), text)
end)

Test.loaded = true
