-- Request and report of one wrk run, for `wrk -s load.lua URL -- [CONTENT-TYPE BODY]`.
--
-- With two arguments every request is a POST of that body, else a GET. The request never changes, so
-- wrk renders it once and runs no Lua while it measures. The totals leave as one line of JSON: wrk's
-- own report rounds them.

function init(args)
   if #args == 2 then
      wrk.method = "POST"
      wrk.headers["Content-Type"] = args[1]
      wrk.body = args[2]
   end
end

function done(summary, latency, requests)
   local errors = summary.errors
   io.write(string.format(
      '\nsummary {"requests": %d, "bytes": %d, "duration_us": %d, "connect": %d, "read": %d, ' ..
      '"write": %d, "status": %d, "timeout": %d, "p50_us": %d, "p99_us": %d}\n',
      summary.requests, summary.bytes, summary.duration, errors.connect, errors.read,
      errors.write, errors.status, errors.timeout,
      latency:percentile(50), latency:percentile(99)))
end
