-- json.lua: encodes texts as JSON.

local json = {}
local gsub = string.gsub

-- Returns a JSON string. cjson escapes every slash, which is undone here.
function json.quoted(text) return (gsub(cjson.encode(text), '\\/', '/')) end

return json
