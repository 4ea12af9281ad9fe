-- What needs no daemon: base64, UTF-8, ages, places.

local base64 = require("afterimage.base64")
local view = require("afterimage.view")

Test.case("base64 goes there and back, in Lua", function()
  local all = {}
  for byte = 0, 255 do
    all[#all + 1] = string.char(byte)
  end
  local bytes = table.concat(all)
  for length = 0, 20 do
    local piece = bytes:sub(240 - length, 240)
    Test.equal(base64.lua.decode(base64.lua.encode(piece)), piece)
  end
  Test.equal(base64.lua.encode("caf\233.txt"), "Y2Fm6S50eHQ=")
  Test.equal(base64.lua.decode(base64.lua.encode(bytes)), bytes)
end)

Test.case("what is UTF-8 travels as it is, what is not as base64", function()
  Test.equal(base64.to_wire("é.txt"), "é.txt")
  Test.equal(base64.to_wire("caf\233.txt"), { base64 = "Y2Fm6S50eHQ=" })
  Test.ok(not base64.is_utf8("\237\160\128"), "a surrogate is no UTF-8")
  Test.ok(not base64.is_utf8("\192\128"), "an overlong form is no UTF-8")
  Test.ok(not base64.is_utf8("\226\130"), "a cut-off character is no UTF-8")
  Test.ok(base64.is_utf8("\240\159\146\190"), "four bytes are UTF-8")
  Test.equal(base64.from_wire({ base64 = "Y2Fm6S50eHQ=" }), "caf\233.txt")
end)

Test.case("ages are in UTC, whatever the time zone", function()
  local now = 1795305600 -- 2026-11-22T00:00:00Z
  Test.equal(view.age("2026-11-21T23:59:18.1Z", now), "42s")
  Test.equal(view.age("2026-11-21T21:00:00.000000000Z", now), "3h")
  Test.equal(view.age("2024-02-29T00:00:00Z", now), "997d")
end)

Test.case("a NUL and a last line feed are no lines of their own", function()
  Test.equal(view.lines("a\nb\n"), { "a", "b" })
  Test.equal(view.lines("a\nb"), { "a", "b" })
  Test.equal(view.lines(""), { "" })
  Test.equal(view.lines("a\0b\n"), { "a\nb" })
end)

Test.case("the socket is found as the daemon's other clients find it", function()
  local places = require("afterimage.places")
  local runtime, xdg = vim.env.AFT_RUNTIME_DIR, vim.env.XDG_RUNTIME_DIR
  vim.env.AFT_RUNTIME_DIR = nil
  vim.env.XDG_RUNTIME_DIR = "/r"
  Test.equal(places.editor_socket(), "/r/afterimage/editor.sock")
  vim.env.XDG_RUNTIME_DIR = nil
  Test.equal(places.editor_socket(), vim.env.AFT_HOME .. "/run/editor.sock")
  vim.env.AFT_RUNTIME_DIR, vim.env.XDG_RUNTIME_DIR = runtime, xdg
  Test.equal(places.editor_socket(), runtime .. "/editor.sock")
end)

Test.case("blame draws each range of lines", function()
  local client, workspace = require("afterimage.client"), require("afterimage.workspace")
  local request, of_buffer = client.request, workspace.of_buffer
  local ranges = {
    { start = 1, count = 2, operation = 7, author = "agent:x", session = "0123456789" },
    { start = 3, count = 9, operation = 8, author = "human" },
  }
  client.request = function(_, _, callback)
    callback(nil, { ranges = ranges })
  end
  workspace.of_buffer = function(_, callback)
    callback(nil, { root = "/r", path = "p" })
  end
  vim.cmd("enew!")
  local buffer = vim.api.nvim_get_current_buf()
  vim.api.nvim_buf_set_lines(buffer, 0, -1, false, { "a", "b", "c" })
  vim.bo[buffer].modified = false
  local err = Test.await(require("afterimage.blame").toggle, buffer)
  client.request, workspace.of_buffer = request, of_buffer
  Test.equal(err, nil)
  local space = vim.api.nvim_get_namespaces()["afterimage.blame"]
  local seen = {}
  for _, mark in ipairs(vim.api.nvim_buf_get_extmarks(buffer, space, 0, -1, { details = true })) do
    seen[mark[2] + 1] = mark[4].virt_text[1][1]
  end
  Test.equal(seen, { "#7 agent:x 01234567", "#7 agent:x 01234567", "#8 human" })
end)

Test.case("without a daemon a request fails with a reason and does not hang", function()
  local runtime = vim.env.AFT_RUNTIME_DIR
  vim.env.AFT_RUNTIME_DIR = runtime .. "/nowhere"
  local err = Test.await(require("afterimage.client").request, "workspace.list", {})
  vim.env.AFT_RUNTIME_DIR = runtime
  Test.equal(err.kind, "no_daemon")
  Test.equal(require("afterimage").statusline(), "")
end)

Test.loaded = true
