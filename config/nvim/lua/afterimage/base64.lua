-- Names and contents that are not UTF-8, as the daemon writes them: `{"base64": "…"}`.
-- Does not: know JSON.

local M = {}

local ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
local VALUE = {}
for index = 1, #ALPHABET do
  VALUE[ALPHABET:byte(index)] = index - 1
end

local function decode(text)
  local out, bits, count = {}, 0, 0
  for index = 1, #text do
    local value = VALUE[text:byte(index)]
    if value then
      bits, count = bits * 64 + value, count + 6
      if count >= 8 then
        count = count - 8
        local byte = math.floor(bits / 2 ^ count)
        bits = bits - byte * 2 ^ count
        out[#out + 1] = string.char(byte)
      end
    end
  end
  return table.concat(out)
end

local function encode(bytes)
  local out = {}
  for index = 1, #bytes, 3 do
    local a, b, c = bytes:byte(index, index + 2)
    local word = a * 65536 + (b or 0) * 256 + (c or 0)
    for place = 3, 0, -1 do
      local value = math.floor(word / 64 ^ place) % 64
      local missing = (place == 1 and not b) or (place == 0 and not c)
      out[#out + 1] = missing and "=" or ALPHABET:sub(value + 1, value + 1)
    end
  end
  return table.concat(out)
end

-- Neovim has its own, in C, from 0.10 on.
M.decode = vim.base64 and vim.base64.decode or decode
M.encode = vim.base64 and vim.base64.encode or encode
-- The ones in Lua, for their test.
M.lua = { decode = decode, encode = encode }

-- Whether a string is UTF-8 as the daemon understands it.
function M.is_utf8(text)
  local index = 1
  while index <= #text do
    local first = text:byte(index)
    local more = first < 0x80 and 0 or first >= 0xC2 and first < 0xE0 and 1 or first >= 0xE0 and first < 0xF0 and 2
      or first >= 0xF0 and first < 0xF5 and 3 or nil
    if not more then
      return false
    end
    for offset = 1, more do
      local byte = text:byte(index + offset)
      local low, high = 0x80, 0xBF
      if offset == 1 then
        low = first == 0xE0 and 0xA0 or first == 0xF0 and 0x90 or low
        high = first == 0xED and 0x9F or first == 0xF4 and 0x8F or high
      end
      if not byte or byte < low or byte > high then
        return false
      end
    end
    index = index + more + 1
  end
  return true
end

-- A name as it travels.
function M.to_wire(text)
  return M.is_utf8(text) and text or { base64 = M.encode(text) }
end

-- The bytes of a name or a content from an answer.
function M.from_wire(value)
  return type(value) == "table" and M.decode(value.base64 or "") or value
end

return M
