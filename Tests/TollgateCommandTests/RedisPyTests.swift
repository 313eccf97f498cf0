import Testing
import TollgateTestSupport

/// The unmodified redis-py. The scripts end with an AssertionError, and so with status 1, if a reply is wrong.
@Suite(.enabled(if: Python.hasRedis, "needs a Python with the package redis: run scripts/test"))
struct RedisPyTests {
    static let policy = """
        defaults:
          user: { requests: { 31d: 100 }, cost: { total: 10 } }
        """

    private func run(_ script: String, on sidecar: Sidecar, _ arguments: String...) async throws {
        let command = try await Command.run(
            Python.program, ["-c", script, "\(sidecar.port)", sidecar.process.socketPath] + arguments)
        #expect(command.status == 0, "\(command.errors)")
    }

    @Test("redis-py checks, records and reads usage, with every protocol version", arguments: ["default", "2", "3"])
    func commands(version: String) async throws {
        try await run(Self.commands, on: try await Sidecar(policy: Self.policy), version)
    }

    static let commands = """
        import json, redis, sys

        port, path, version = int(sys.argv[1]), sys.argv[2], sys.argv[3]
        options = {} if version == "default" else {"protocol": int(version)}
        text = redis.Redis(port=port, decode_responses=True, client_name="tests", health_check_interval=1, **options)
        assert text.ping() is True
        assert text.echo("hello") == "hello"
        reply = text.execute_command("CHECK", "user=alice", "cost=0.5")
        assert reply.startswith("ALLOW limit=user:alice/requests/31d max=100 used=1 remaining=99 "), reply
        assert text.execute_command("RECORD", "user=alice", "cost=7.75") == "OK"
        reply = text.execute_command("CHECK", "user=alice", "cost=2.5")
        assert reply == (
            "DENY reason=quota_exceeded limit=user:alice/cost/total max=10 used=7.75 remaining=2.25 source=defaults"), reply
        usage = json.loads(text.execute_command("USAGE", "scope=user:alice"))
        assert [limit["used"] for limit in usage["limits"]] == [1, "7.75"], usage
        try:
            text.execute_command("CHECK", "user")
            raise AssertionError("no error")
        except redis.ResponseError as error:
            assert str(error) == "bad_request user: expected key=value", error

        commands = text.command()
        assert commands["check"]["arity"] == -2 and commands["check"]["first_key_pos"] == 0, commands
        assert text.command_count() == len(commands) == len(text.command_list()), commands
        assert "CHECK kind=id" in str(text.execute_command("COMMAND DOCS", "check"))
        assert text.client_getname() == "tests" and text.client_info()["name"] == "tests"
        assert text.client_id() == text.client_info()["id"] == int(text.client_list()[0]["id"]) > 0
        reply = text.execute_command("CHECK", 'user="victim"')
        assert reply.startswith(r'ALLOW limit="user:\\"victim\\"/requests/31d" max=100 used=1 '), reply

        raw = redis.Redis(unix_socket_path=path, **options)
        assert raw.execute_command("PEEK", "user=bob").startswith(b"ALLOW limit=user:bob/")
        try:
            redis.Redis(port=port, db=1, **options).ping()
            raise AssertionError("no error")
        except redis.ResponseError as error:
            assert "there is only database 0" in str(error), error
        """

    @Test("redis-py parses INFO into numbers and texts", arguments: ["2", "3"])
    func info(version: String) async throws {
        try await run(Self.infoScript, on: try await Sidecar(policy: Self.policy), version)
    }

    static let infoScript = """
        import redis, sys

        port, version = int(sys.argv[1]), int(sys.argv[3])
        client = redis.Redis(port=port, protocol=version, decode_responses=True)
        client.execute_command("CHECK", "user=alice")
        for section in (None, "server", "everything"):
            info = client.info(section) if section else client.info()
            assert info["tcp_port"] == port and info["loading"] == 0, info
            assert info["decisions_allowed"] == 1 and info["decisions_denied"] == 0, info
            assert info["total_commands_processed"] >= 1 and info["connected_clients"] >= 1, info
            assert isinstance(info["uptime_in_seconds"], int) and isinstance(info["process_id"], int), info
            assert info["maxclients"] == 4096 and info["rejected_connections"] == 0, info
            assert info["journal_operations"] == 0 and info["redis_links_0"] == "ready", info
            assert isinstance(info["journal_replayed_per_second"], (int, float)), info
            assert isinstance(info["policy_digest"], str) and info["tollgate_version"].count(".") == 2, info
            assert not any(key.startswith("__raw__") for key in info), info
        """

    @Test("redis-py receives pushed alerts on a separate connection", arguments: ["2", "3"])
    func alerts(version: String) async throws {
        let sidecar = try await Sidecar(policy: Self.policy)
        try await run(Self.alertsScript, on: sidecar, version, sidecar.redis.socketPath)
    }

    static let alertsScript = """
        import json, redis, sys

        port, version, store = int(sys.argv[1]), int(sys.argv[3]), redis.Redis(unix_socket_path=sys.argv[4])
        connection = redis.Connection(port=port, protocol=version, decode_responses=True, socket_timeout=20)
        connection.send_command("ALERTS")
        assert connection.read_response() == "OK"
        alert = {
            "acknowledged_at": None, "acknowledged_by": None, "ends_at": None, "id": "a", "limit": "user:é/cost/total",
            "max": "20", "meter": "cost", "mode": "enforce", "opened_at": "2026-11-20T18:20:01.123Z", "percent": 86.2,
            "period": "total", "period_id": None, "reason": None, "resolved_at": None, "resolved_by": None,
            "scope": "user:é", "severity": "warning", "source": "scope", "state": "open", "threshold": 80,
            "type": "approaching_limit", "used": "17.24"}
        key = "tollgate:{alerts}:deliveries"
        places = [store.xadd(key, {"event": "opened", "alert": json.dumps(alert)}).decode() for _ in range(3)]
        store.publish("tollgate:{alerts}:news", places[-1])
        for place in places:
            word, text = connection.read_response().split(" ", 1)
            message = json.loads(text)
            assert word == "ALERT" and message == {"cursor": place, "event": "opened", "alert": alert}, text
        connection.send_command("CHECK", "user=alice")
        reply = connection.read_response()
        assert reply.startswith("ALLOW limit=user:alice/requests/31d max=100 used=1 "), reply
        """

    @Test("redis-py pipelines requests, and threads share a pool of connections")
    func pipelinesAndPools() async throws {
        let sidecar = try await Sidecar(policy: Self.policy)
        try await run(Self.pipelines, on: sidecar)
        #expect(try sidecar.redis.hash("tollgate:user:pool")["requests/31d.n"] == "100")
        #expect(try await sidecar.count("denied") == 100)
    }

    static let pipelines = """
        import concurrent.futures, redis, sys

        client = redis.Redis(port=int(sys.argv[1]), decode_responses=True)
        pipeline = client.pipeline(transaction=False)
        pipeline.execute_command("CHECK", "user=alice", "requests=99")
        pipeline.execute_command("NONSENSE")
        pipeline.execute_command("CHECK", "user=alice")
        pipeline.execute_command("CHECK", "user=alice", "requests=100")
        first, nonsense, second, third = pipeline.execute(raise_on_error=False)
        assert first.startswith("ALLOW ") and " used=99 " in first, first
        assert isinstance(nonsense, redis.ResponseError) and str(nonsense) == "unknown_verb NONSENSE", nonsense
        assert second.startswith("ALLOW ") and " used=100 " in second, second
        assert third.startswith("DENY reason=rate_limited "), third

        pool = redis.ConnectionPool(port=int(sys.argv[1]), decode_responses=True, max_connections=8)
        def check(_):
            return redis.Redis(connection_pool=pool).execute_command("CHECK", "user=pool")
        with concurrent.futures.ThreadPoolExecutor(8) as threads:
            replies = list(threads.map(check, range(199)))
        assert sum(reply.startswith("ALLOW ") for reply in replies) == 100, replies
        assert sum(reply.startswith("DENY ") for reply in replies) == 99, replies
        """

    @Test("a RECORD in a MULTI pipeline of redis-py is rejected and has no effect")
    func transactions() async throws {
        let sidecar = try await Sidecar(policy: Self.policy)
        try await run(Self.transactions, on: sidecar)
        #expect(try sidecar.redis.hash("tollgate:user:alice")["cost/total"] == "3000000000")
        #expect(try await sidecar.count("applied") == 1)
    }

    static let transactions = """
        import redis, sys

        client = redis.Redis(port=int(sys.argv[1]), decode_responses=True)
        pipeline = client.pipeline()
        pipeline.execute_command("RECORD", "user=alice", "cost=1")
        pipeline.execute_command("RECORD", "user=alice", "cost=1")
        try:
            pipeline.execute()
            raise AssertionError("no error")
        except redis.ResponseError as error:
            assert "MULTI: not supported" in str(error), error
        assert client.execute_command("RECORD", "user=alice", "cost=3") == "OK"
        """

    @Test("redis-py sends the token as a password", arguments: ["2", "3"])
    func password(version: String) async throws {
        try await run(Self.passwords, on: try await Sidecar(policy: Self.policy, token: "the token of tests"), version)
    }

    static let passwords = """
        import redis, sys

        options = {"port": int(sys.argv[1]), "protocol": int(sys.argv[3]), "decode_responses": True}
        for login in ({"password": "the token of tests"}, {"username": "anyone", "password": "the token of tests"}):
            reply = redis.Redis(**options, **login).execute_command("CHECK", "user=alice")
            assert reply.startswith("ALLOW limit=user:alice/"), reply
        for login in ({}, {"password": "a guess"}):
            try:
                redis.Redis(**options, **login).execute_command("CHECK", "user=alice")
                raise AssertionError("no error")
            except redis.RedisError as error:
                assert "unauthenticated" in str(error), error
        """
}
