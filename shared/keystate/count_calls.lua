-- Count LLM calls that begin, in the window of the retry budget.
-- KEYS[1] hash watchkeeper:retry-budget (TTL = window)   ARGV 1 how many  2 window ms
local calls = redis.call('HINCRBY', KEYS[1], 'calls', ARGV[1])
if redis.call('PTTL', KEYS[1]) < 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return calls
