internal import Foundation
internal import NIOCore
internal import NIOPosix

/// The addresses that the gateway listens on: whether it could, while it does not run.
enum PortChecks {
    static func all(_ configuration: GatewayConfiguration, isRunning: Bool) async -> [Finding] {
        if isRunning {
            let addresses = configuration.listen.map(\.description).joined(separator: ", ")
            return [.ok("ports", "the gateway listens on \(addresses)")]
        }
        let group = MultiThreadedEventLoopGroup.singleton
        for address in configuration.listen {
            do {
                var bootstrap = DatagramBootstrap(group: group)
                let resolved = try SocketAddress.makeAddressResolvingHost(address.host, port: address.port)
                if case .v6 = resolved {
                    bootstrap = bootstrap.channelOption(
                        ChannelOptions.Types.SocketOption(level: .ipv6, name: .ipv6_v6only), value: 1)
                }
                try await bootstrap.bind(to: resolved).get().close().get()
            } catch {
                return [
                    .wrong(
                        "ports", "UDP \(address) cannot be listened on: \(error)",
                        "stop what uses it (ss -ulpn), or correct listen in \(configuration.file)")
                ]
            }
        }
        var taken = [configuration.appserviceListen]
        if let address = configuration.monitoringListen { taken.append(address) }
        for address in taken {
            do {
                let bootstrap = ServerBootstrap(group: group)
                    .serverChannelOption(ChannelOptions.socketOption(.so_reuseaddr), value: 1)
                try await bootstrap.bind(host: address.host, port: address.port).get().close().get()
            } catch {
                return [
                    .wrong(
                        "ports", "TCP \(address) cannot be listened on: \(error)",
                        "stop what uses it (ss -tlpn), or correct it in \(configuration.file)")
                ]
            }
        }
        return [.ok("ports", "can be listened on")]
    }
}
