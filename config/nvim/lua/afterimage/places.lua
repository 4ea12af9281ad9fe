-- Where the daemon's sockets are; the setup or the environment decides.
-- Does not: look whether anything is there.

local M = {}

local function env(name)
  local value = vim.env[name]
  return value ~= nil and value ~= "" and value or nil
end

-- `$AFT_RUNTIME_DIR`, else `$XDG_RUNTIME_DIR/afterimage`, else `run` in the store.
function M.runtime_dir()
  if env("AFT_RUNTIME_DIR") then
    return env("AFT_RUNTIME_DIR")
  end
  if env("XDG_RUNTIME_DIR") then
    return env("XDG_RUNTIME_DIR") .. "/afterimage"
  end
  if env("AFT_HOME") then
    return env("AFT_HOME") .. "/run"
  end
  local state = env("XDG_STATE_HOME") or ((env("HOME") or "") .. "/.local/state")
  return state .. "/afterimage/run"
end

function M.editor_socket()
  return require("afterimage.config").get().socket or (M.runtime_dir() .. "/editor.sock")
end

return M
