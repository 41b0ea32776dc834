// The test routes on the JDK's own HTTP server. argv: port.
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Executors;

public class TestServer {
    static void answer(HttpExchange x, int status, byte[] body) throws IOException {
        x.getResponseHeaders().set("Content-Type", "text/plain");
        boolean none = x.getRequestMethod().equals("HEAD") || body.length == 0;
        x.sendResponseHeaders(status, none ? -1 : body.length);
        if (!none)
            x.getResponseBody().write(body);
        x.close();
    }

    static void route(HttpExchange x) throws IOException {
        byte[] input = x.getRequestBody().readAllBytes();
        switch (x.getRequestURI().getPath()) {
        case "/small": answer(x, 200, "hello\n".getBytes()); break;
        case "/id":
            String id = x.getRequestHeaders().getFirst("X-Request-ID");
            answer(x, 200, ((id == null ? "none" : id) + "\n").getBytes());
            break;
        case "/chunked":
            x.sendResponseHeaders(200, 0);
            try (OutputStream out = x.getResponseBody()) {
                for (int i = 0; i < 20; i++)
                    out.write(("piece " + i + " ").repeat(40).getBytes());
            }
            break;
        case "/big":
            Path big = Path.of(System.getenv("BIG_FILE"));
            x.sendResponseHeaders(200, Files.size(big));
            try (OutputStream out = x.getResponseBody()) {
                Files.copy(big, out);
            }
            break;
        case "/echo": answer(x, 200, input); break;
        case "/error": answer(x, 500, "broken\n".getBytes()); break;
        case "/slow":
            try {
                Thread.sleep(300);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            answer(x, 200, "late\n".getBytes());
            break;
        default: answer(x, 404, "not here\n".getBytes());
        }
    }

    public static void main(String[] args) throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", Integer.parseInt(args[0])), 512);
        server.createContext("/", TestServer::route);
        server.setExecutor(Executors.newFixedThreadPool(16));
        server.start();
    }
}
