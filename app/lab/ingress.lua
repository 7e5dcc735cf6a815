-- How the workers of the lab's ingress choose a pod: as the Lua of the ingress controller that most clusters have.
-- The controller hands over all backends at once, without a reload; each worker looks for them now and then, and goes
-- round each backend's endpoints by itself. What it does not know yet it goes on using: that is what it is for.
local balancer = require("ngx.balancer")
local ffi = require("ffi")

ffi.cdef[[
struct seamline_time { long s; long ns; };
int clock_gettime(int clock, struct seamline_time *now);
]]

local MORE_TRIES = 2 -- Beside the first one.
local ingress = {}
local known = {} -- By name: text, endpoints, and the index of the last one used.
local looked     -- The text of all, as it was last seen.

-- One line of truth.jsonl: what a worker uses from now on.
local function log(name, endpoints)
    local now = ffi.new("struct seamline_time")
    ffi.C.clock_gettime(0, now)
    local since = (now.s - ingress.start_s) * 1000000000LL + (now.ns - ingress.start_ns)
    local list = {}
    for i, endpoint in ipairs(endpoints) do
        list[i] = '"' .. endpoint.host .. ":" .. endpoint.port .. '"'
    end
    local file = io.open(ingress.truth, "a")
    if file then
        file:write(string.format('{"ns":%s,"event":"ingress-looked","pod":"%s","worker":%d,"backend":"%s","endpoints":[%s]}\n',
                                 tostring(since):gsub("LL", ""), ingress.pod, ngx.worker.id(), name,
                                 table.concat(list, ",")))
        file:close()
    end
end

local function take(name, text)
    local backend = {text = text, endpoints = {}, last = 0}
    for host, port in text:gmatch("(%S+)|(%d+)") do
        table.insert(backend.endpoints, {host = host, port = tonumber(port)})
    end
    if #backend.endpoints > 0 then
        backend.last = math.random(#backend.endpoints)
    end
    log(name, backend.endpoints)
    return backend
end

local function look()
    local all = ngx.shared.backends:get("all")
    if all == nil or all == looked then
        return
    end
    looked = all
    local now_known = {}
    for name, text in all:gmatch("(%S+)([^\n]*)\n") do
        local before = known[name]
        now_known[name] = before and before.text == text and before or take(name, text)
    end
    known = now_known
end

-- Of each worker, once.
function ingress.work()
    math.randomseed(ngx.now() * 1000 + ngx.worker.pid())
    look()
    ngx.timer.every(ingress.look_s, look)
end

-- The controller's POST.
function ingress.configure()
    ngx.req.read_body()
    local body = ngx.req.get_body_data()
    if ngx.req.get_method() ~= "POST" or body == nil then
        return ngx.exit(400)
    end
    local stored = ngx.shared.backends:set("all", body)
    return ngx.exit(stored and 204 or 507)
end

function ingress.health()
    return ngx.exit(ngx.shared.backends:get("all") and 200 or 503)
end

-- Before the balancer: nobody to go to.
function ingress.check()
    local backend = known[ngx.var.backend]
    if backend == nil or #backend.endpoints == 0 then
        return ngx.exit(503)
    end
end

function ingress.balance()
    local backend = known[ngx.var.backend]
    if backend == nil or #backend.endpoints == 0 then -- Since it was checked, or tried before.
        return ngx.exit(502)
    end
    if ngx.ctx.tried == nil then
        ngx.ctx.tried = true
        balancer.set_more_tries(MORE_TRIES)
    end
    backend.last = backend.last % #backend.endpoints + 1
    local endpoint = backend.endpoints[backend.last]
    local done, why = balancer.set_current_peer(endpoint.host, endpoint.port)
    if not done then
        ngx.log(ngx.ERR, endpoint.host, ": ", why)
        return ngx.exit(500)
    end
end

return ingress
