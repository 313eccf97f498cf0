-- current.lua: the call at hand, as the modules of the batch see it. batch.lua sets every field when a call begins; nothing here
-- outlives it.
--
--   now      Redis's time, Unix ms
--   prefix   how many bytes stand before a scope's text in a key: 9 for 'tollgate:user:alice'
--   keys     KEYS
--   scopes   the scopes' states (scope.lua), in the order of their keys
-- Of the operation at hand:
--   asked    asked[meter]: its amounts
--   named    places of its scopes in `scopes`, and
--   count    how many there are

return { now = 0, prefix = 0, keys = {}, scopes = {}, asked = {}, named = {}, count = 0 }
