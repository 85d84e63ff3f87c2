-- Take one retry from the fleet's budget, if it is not spent.
-- KEYS[1] hash watchkeeper:retry-budget (TTL = window)
-- ARGV 1 window ms  2 retries that are always allowed  3 calls that allow one retry more
-- Returns {allowed, calls, retries, first}: first = 1 for the first refusal of the window.
local calls = tonumber(redis.call('HGET', KEYS[1], 'calls') or 0)
local retries = tonumber(redis.call('HGET', KEYS[1], 'retries') or 0)
local allowed, first = 0, 0
if retries < math.max(tonumber(ARGV[2]), calls / tonumber(ARGV[3])) then
  allowed = 1
  retries = redis.call('HINCRBY', KEYS[1], 'retries', 1)
else
  first = redis.call('HSETNX', KEYS[1], 'told', 1)
end
if redis.call('PTTL', KEYS[1]) < 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
end
return {allowed, calls, retries, first}
