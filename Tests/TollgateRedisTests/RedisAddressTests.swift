import Testing

@testable import TollgateRedis

@Suite("Addresses of Redis")
struct RedisAddressTests {
    @Test(
        "what may be written, and how it is printed",
        arguments: [
            ("redis://localhost", "redis://localhost:6379"),
            ("REDIS://localhost/", "redis://localhost:6379"),
            ("redis://10.0.0.1:7000/0", "redis://10.0.0.1:7000"),
            ("redis://redis.example.com:65535/15", "redis://redis.example.com:65535/15"),
            ("redis://[::1]", "redis://[::1]:6379"),
            ("redis://[fe80::1%eth0]:7000/2", "redis://[fe80::1%eth0]:7000/2"),
            ("redis://alice:s3cret@h:1", "redis://alice:***@h:1"),
            ("redis://:s3cret@h", "redis://:***@h:6379"),
            ("redis://alice:s3%40cr%65t%2F@h", "redis://alice:***@h:6379"),
            ("unix:///run/redis.sock", "unix:///run/redis.sock"),
            ("unix://alice:s3cret@/run/redis.sock?db=4", "unix://alice:***@/run/redis.sock?db=4"),
            ("unix:///run/a%20b%3F.sock?", "unix:///run/a b?.sock"),
        ])
    func valid(text: String, printed: String) throws {
        #expect(try RedisAddress(text).description == printed)
    }

    @Test("every part is taken up")
    func parts() throws {
        let tcp = try RedisAddress("redis://al%3Aice:p@ss%3A%C3%A9:x@[::1]:7000/5")
        #expect(tcp.endpoint == .tcp(host: "::1", port: 7000))
        #expect(tcp.user == "al:ice")
        #expect(tcp.password == "p@ss:é:x")
        #expect(tcp.database == 5)
        let unix = try RedisAddress("unix://:pw@/a%2Fb.sock?db=7")
        #expect(unix.endpoint == .unix(path: "/a/b.sock"))
        #expect(unix.user == nil)
        #expect(unix.password == "pw")
        #expect(unix.database == 7)
    }

    @Test(
        "what may not be written is refused in a sentence that names the option and shows no password",
        arguments: [
            "", "s3cret", "localhost:6379", "redis:/h", "redis://", "redis:///1", "redis://:6379", "redis://h:",
            "redis://h:0",
            "redis://h:65536", "redis://h:s3cret", "redis://h:+1", "redis://h:99999999999999999999", "redis://h/s3cret",
            "redis://h/-1", "redis://h/99999999999", "redis://h/1/2", "redis://h?db=1", "redis://h/1?x=1",
            "redis://a b",
            "redis://h\n", "redis://s3cret@h", "redis://alice:@h", "redis://:s3cret%@h", "redis://:s3cret%zz@h",
            "redis://:s3cret%ff@h", "redis://:s3cret%00@h", "redis://:a/s3cret@h", "redis://::1:6379", "redis://[::1",
            "redis://[::1]x", "redis://[]:1", "rediss://:s3cret@h", "http://:s3cret@h", "unix://", "unix:///",
            "unix://run/redis.sock", "unix://redis.sock", "unix:///a?x=s3cret", "unix:///a?db=", "unix:///a?db=s3cret",
            "unix:///a%zz", "unix://s3cret@/a", "unix:///" + String(repeating: "a", count: 107),
        ])
    func invalid(text: String) throws {
        let error = try #require(throws: RedisError.self) { try RedisAddress(text) }
        #expect(error.description.hasPrefix("--redis: "))
        #expect(!error.description.contains("s3cret"))
    }

    @Test("TLS is said to be missing")
    func tls() throws {
        let error = try #require(throws: RedisError.self) { try RedisAddress("rediss://h") }
        #expect(error.description.contains("TLS (rediss://) is not supported yet"))
    }

    @Test("a path of 107 bytes is the longest")
    func maxPathLength() throws {
        let path = "/" + String(repeating: "a", count: 106)
        #expect(try RedisAddress("unix://\(path)").endpoint == .unix(path: path))
    }

    @Test("no way of printing shows the password")
    func printing() throws {
        struct Settings {
            let address: RedisAddress
        }
        let settings = Settings(address: try RedisAddress("redis://alice:s3cret@h"))
        #expect(!"\(settings)".contains("s3cret"))
        #expect(!String(reflecting: settings).contains("s3cret"))
    }
}
