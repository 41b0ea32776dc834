// GET /relay/N asks the upstream twice and answers with what came, a line each: a thread for each request. argv: port.
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.InetSocketAddress;
import java.net.URL;
import java.util.concurrent.Executors;

public class Relay {
    static final String UPSTREAM = "http://" + System.getenv("UPSTREAM");

    static String ask(String path) throws IOException {
        HttpURLConnection connection = (HttpURLConnection) new URL(UPSTREAM + path).openConnection();
        try (InputStream in = connection.getInputStream()) {
            return new String(in.readAllBytes());
        }
    }

    public static void main(String[] argv) throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", Integer.parseInt(argv[0])), 512);
        server.setExecutor(Executors.newFixedThreadPool(80));
        server.createContext("/relay", x -> {
            String path = x.getRequestURI().getPath();
            byte[] body = (ask(path + "/a") + ask(path + "/b")).getBytes();
            x.sendResponseHeaders(200, body.length);
            x.getResponseBody().write(body);
            x.close();
        });
        server.start();
    }
}
