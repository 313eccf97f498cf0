import NIOCore
import Testing

@testable import TollgateRedis

@Suite("The handshake")
struct RedisHandshakeTests {
    static let version = "*2\r\n$4\r\nINFO\r\n$6\r\nserver\r\n"

    private func bytes(_ address: String) throws -> String {
        var buffer = ByteBuffer()
        try RedisHandshake(address: RedisAddress(address)).encode(into: &buffer)
        return String(buffer: buffer)
    }

    @Test("without password and database it is a PING and the question for the version")
    func bare() throws {
        #expect(try bytes("redis://h") == "*1\r\n$4\r\nPING\r\n" + Self.version)
    }

    @Test("AUTH comes first, with the user only where one is given")
    func authentication() throws {
        #expect(try bytes("redis://:pw@h").hasPrefix("*2\r\n$4\r\nAUTH\r\n$2\r\npw\r\n*1\r\n$4\r\nPING"))
        #expect(try bytes("redis://u:pw@h").hasPrefix("*3\r\n$4\r\nAUTH\r\n$1\r\nu\r\n$2\r\npw\r\n*1\r\n"))
    }

    @Test("SELECT follows")
    func database() throws {
        #expect(
            try bytes("redis://h/3")
                == "*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n*1\r\n$4\r\nPING\r\n" + Self.version)
    }

    @Test("it is complete with the last reply")
    func completion() throws {
        var handshake = try RedisHandshake(address: RedisAddress("redis://:pw@h/3"))
        for reply: RedisReply in [.simple("OK"), .simple("OK"), .simple("PONG")] {
            #expect(handshake.receive(reply) == .underWay)
        }
        #expect(handshake.receive(.bulk("redis_version:7.0.0")) == .complete)
    }

    @Test(
        "a refusal tells wrong credentials from what may pass",
        arguments: [
            ("redis://:pw@h", "WRONGPASS invalid", "AUTH: WRONGPASS invalid", true),
            (
                "redis://:pw@h", "ERR AUTH called without any password", "AUTH: ERR AUTH called without any password",
                true
            ),
            ("redis://h", "NOAUTH Authentication required.", "PING: NOAUTH Authentication required.", true),
            ("redis://h/3", "NOPERM no", "SELECT 3: NOPERM no", true),
            ("redis://h/3", "ERR DB index is out of range", "SELECT 3: ERR DB index is out of range", false),
            ("redis://h", "LOADING Redis is loading", "PING: LOADING Redis is loading", false),
            ("redis://h", "MASTERDOWN Link with MASTER", "PING: MASTERDOWN Link with MASTER", false),
        ])
    func refusals(address: String, sentence: String, reason: String, isRefusal: Bool) throws {
        var handshake = try RedisHandshake(address: RedisAddress(address))
        #expect(handshake.receive(.error(sentence)) == .refused(RedisOutage(reason, isRefusal: isRefusal)))
    }

    @Test(
        "a Redis older than 7 is refused; one that does not tell its version is not",
        arguments: [
            ("# Server\r\nredis_version:6.2.14\r\nos:Linux\r\n", "6.2.14"), ("redis_version:2.8", "2.8"),
            ("# Server\r\nredis_version:7.0.0\r\n", nil), ("redis_version:8.2.1", nil),
            ("redis_version:255.255.255", nil),
            ("redis_version:unknown", nil), ("", nil),
        ])
    func versions(info: String, tooOld: String?) throws {
        var handshake = try RedisHandshake(address: RedisAddress("redis://h"))
        #expect(handshake.receive(.simple("PONG")) == .underWay)
        guard let tooOld else { return #expect(handshake.receive(.bulk(info)) == .complete) }
        guard case .refused(let outage) = handshake.receive(.bulk(info)) else {
            Issue.record("the handshake went on")
            return
        }
        #expect(outage.reason == "Redis \(tooOld) is too old: Tollgate needs Redis 7.0 or later")
        #expect(outage.isUnsupported)
        var denied = try RedisHandshake(address: RedisAddress("redis://h"))
        #expect(denied.receive(.simple("PONG")) == .underWay)
        #expect(denied.receive(.error("NOPERM this user has no permissions to run the 'info' command")) == .complete)
    }

    @Test(
        "error replies that end the connection",
        arguments: [
            ("READONLY You can't write against a read only replica.", true),
            ("ERR Error running script (call to f_0): @user_script:1: -READONLY You can't write", true),
            ("LOADING Redis is loading the dataset in memory", true),
            ("MASTERDOWN Link with MASTER is down", true),
            ("NOAUTH Authentication required.", true),
            ("ERR unknown command 'READONLYX'", false),
            ("OOM command not allowed when used memory > 'maxmemory'.", false),
            ("WRONGTYPE Operation against a key", false),
            ("NOSCRIPT No matching script.", false),
        ])
    func endings(sentence: String, endsConnection: Bool) {
        #expect(RedisErrorReply(sentence).endsConnection == endsConnection)
    }

    @Test(
        "error replies by which functions are given up",
        arguments: [
            ("NOPERM this user has no permissions to run the 'fcall' command", true),
            ("NOPERM User default has no permissions to run the 'function|load' command", true),
            ("ERR unknown command 'FCALL', with args beginning with: 'a' '0' ", true),
            ("ERR unknown subcommand 'LOAD'. Try FUNCTION HELP.", true),
            ("NOPERM this user has no permissions to access one of the keys used as arguments", false),
            ("NOPERM this user has no permissions to run the 'evalsha' command", false),
            ("ERR Function not found", false),
            ("OOM allow-oom flag is not set on the script, can not run it when used memory > 'maxmemory'", false),
        ])
    func denials(sentence: String, deniesFunctions: Bool) {
        #expect(RedisErrorReply(sentence).deniesFunctions == deniesFunctions)
    }
}
