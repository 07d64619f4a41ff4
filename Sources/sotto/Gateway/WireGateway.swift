internal import GatewayCore
internal import NoiseSodium

/// The gateway with libsodium's primitives.
typealias WireGateway = Gateway<WireSuite>
