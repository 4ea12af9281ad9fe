-- The commands, and what follows the history of open files. Nothing of the plugin is loaded before it is needed.

if vim.g.loaded_afterimage then
  return
end
vim.g.loaded_afterimage = 1

local command = vim.api.nvim_create_user_command

local function points()
  return { "@", "@-1", "10m", "1h", "1d", "good", "turn:-1" }
end

command("AftHistory", function()
  require("afterimage").history()
end, { desc = "The history of this file" })

command("AftDiff", function(given)
  require("afterimage").diff(nil, given.args ~= "" and given.args or nil)
end, { nargs = "?", complete = points, desc = "This file against a point, or against the version before" })

command("AftBlame", function()
  require("afterimage").blame()
end, { desc = "Who wrote each line" })

command("AftUndo", function(given)
  require("afterimage").undo(nil, given.args ~= "" and given.args or nil, given.bang)
end, { nargs = "?", bang = true, desc = "Take back the last operation of the workspace, or the one named" })

command("AftRestore", function(given)
  require("afterimage").restore(nil, given.args, given.bang)
end, { nargs = 1, bang = true, complete = points, desc = "Put this file back as it was at a point" })

local group = vim.api.nvim_create_augroup("afterimage", {})
vim.api.nvim_create_autocmd({ "BufReadPost", "BufWritePost", "BufEnter" }, {
  group = group,
  callback = function(given)
    if vim.bo[given.buf].buftype == "" and given.file ~= "" then
      require("afterimage.follow").attach(given.buf)
    end
  end,
})
vim.api.nvim_create_autocmd("BufDelete", {
  group = group,
  callback = function(given)
    if package.loaded["afterimage.follow"] then
      require("afterimage.follow").detach(given.buf)
    end
  end,
})
