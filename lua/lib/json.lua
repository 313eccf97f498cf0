-- json.lua: texts as JSON.

local json = {}
local gsub = string.gsub

-- A text in quotation marks. cjson puts a backslash before every slash.
function json.quoted(text) return (gsub(cjson.encode(text), '\\/', '/')) end

return json
