import NIOCore
import Testing
import TollgateRedis

@Suite("Writing commands")
struct RedisCommandTests {
    @Test("lengths are in bytes, and any text goes through")
    func encoding() {
        var buffer = ByteBuffer(string: "before|")
        RedisCommand.encode("SET", "é\r\n", "", into: &buffer)
        #expect(String(buffer: buffer) == "before|*3\r\n$3\r\nSET\r\n$4\r\né\r\n\r\n$0\r\n\r\n")
    }
}
